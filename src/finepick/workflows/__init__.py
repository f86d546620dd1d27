"""What a person sets out to do; the command line and the Python names both call these."""
