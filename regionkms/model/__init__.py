"""Values, tables and errors that everything else is written in. Imports nothing of regionkms."""
