"""The place of the web console, a client of the endpoint without a private door."""
