"""What one frame says by itself: key points, a descriptor, measurements. Small, and kept in the cache."""
