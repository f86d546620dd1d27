"""Make scorers: losses, batches, the loop, recipes."""
