"""Poems in a form: what a form asks of each line, and which tokens keep a line within it. Knows text alone."""
