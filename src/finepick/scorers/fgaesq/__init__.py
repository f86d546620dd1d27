"""FGAesQ: discriminative scores from relative ranks (CVPR 2026, arXiv 2603.03907)."""
