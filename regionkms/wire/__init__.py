"""HTTP, the JSON 1.1 and Query codecs, and how errors look on the wire."""
