"""The command line: starts nodes through node.py, else a client of the endpoint or the operator socket."""
