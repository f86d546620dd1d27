"""Bytes on disk → safe frames and what the file says about them."""
