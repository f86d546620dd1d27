"""Why this one: reasons in words, differences as pictures."""
