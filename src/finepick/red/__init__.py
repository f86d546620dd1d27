"""What an edit did to a photo, as judges saw it: the rules, the judges, the words, and where all of it is kept."""
