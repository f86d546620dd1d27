"""Ways to leave the program: documents, tables, manifest, copies, XMP sidecars, the HTML report."""
