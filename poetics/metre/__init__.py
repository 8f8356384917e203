"""How heavy syllables are, which foot a poem goes in, and how metrical a line is."""
