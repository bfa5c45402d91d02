"""The operations of the API, one module per family, and the stages of a call."""
