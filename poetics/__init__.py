"""How verse sounds and how it is judged: pronunciation, rhyme, metre, copies. Knows text alone."""
