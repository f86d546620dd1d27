"""RED-Aes: a multimodal language model that says why, then rates; taught by what edits do to pictures."""
