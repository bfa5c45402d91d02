"""Pure rules of quotas: which ones an operation is charged to, how high, and the decision itself.

No clock and no memory here: time and stored windows come in, verdicts go out. counters/ keeps the
windows; operations/ asks. Source: spec 07 §4.
"""
