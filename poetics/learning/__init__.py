"""Makes the data files: what the CMU dictionary and three million lines of verse tell."""
