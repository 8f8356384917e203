"""How words sound: the words of a line, their pronunciations, and the ends by which they rhyme."""
