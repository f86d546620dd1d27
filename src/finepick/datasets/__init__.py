"""Pictures with human judgements: published layouts and our own, read into the same records."""
