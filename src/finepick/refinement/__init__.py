"""What of a series is worth asking people about (Series Refinement, section 3.1 of FGAesthetics)."""
