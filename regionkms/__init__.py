"""regionkms: a key management service for AWS KMS clients, run as a cluster of Regions."""
