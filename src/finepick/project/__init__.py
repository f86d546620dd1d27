"""An annotation project: series of photos by reference, people, and every answer they gave."""
