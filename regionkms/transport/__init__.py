"""gRPC with mutual TLS between Regions; carries sealed key material and nothing else."""
