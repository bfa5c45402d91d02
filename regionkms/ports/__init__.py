"""What the upper floors ask of adapters, one Protocol per file, and the Operation row."""
