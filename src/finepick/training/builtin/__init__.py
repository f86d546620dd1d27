"""How the model `builtin` is taught: a teacher's general eye, edits that hurt, and people's judgements."""
