"""Local pages: one small server, loopback by default, nothing from outside. Needs the extra `web`."""
