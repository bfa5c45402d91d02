"""The composition root: it alone knows every concrete class, and the processes of a node."""
