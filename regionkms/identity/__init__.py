"""Who is calling: Signature Version 4 and the accounts of the Region."""
