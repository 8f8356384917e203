"""Which words rhyme, what schemes and forms their lines make, and how much of it is chance."""
