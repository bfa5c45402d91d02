"""What happens by itself: planning is pure (plan.py), reconcilers carry the steps out."""
