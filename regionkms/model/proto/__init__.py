"""Generated from proto/regionkms/v1/*.proto by tools/generate_proto.py; never edited."""
