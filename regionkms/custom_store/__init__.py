"""The place of custom key stores (PKCS#11 and external key stores)."""
