"""Which photos show the same moment, and how many of them to keep."""
