"""Pure cryptographic rules: blob, message keys, bindings, sealing. Bytes in, bytes out."""
