"""Pure cryptographic rules: ciphertext blob, message keys, bindings, sealing. Bytes in, bytes out."""
