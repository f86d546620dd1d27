"""From people's answers about two photos to a scale: fit, who can be relied on, what to ask next."""
