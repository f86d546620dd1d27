"""RED-Aes' training: see the difference, rate one photo, stay consistent. Its words lie in `scorers.red_aes`."""
