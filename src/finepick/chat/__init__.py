"""Models behind a server that answers as OpenAI's chat completions do; asked only where the user said so."""
