"""Poems in the files of word processors and in electronic books."""
