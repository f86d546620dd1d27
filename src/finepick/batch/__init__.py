"""Many photos: child processes with limits that read and examine them."""
