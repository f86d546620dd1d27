"""How good each frame of a series is: models behind one seam."""
