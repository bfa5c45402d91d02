"""How a node shows itself: metrics in Prometheus' text format, logs as JSON lines."""
