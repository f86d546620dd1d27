"""`finepick red`: photos, edits, judges and words become a data set of what edits do to pictures."""
