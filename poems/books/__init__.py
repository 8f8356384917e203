"""Whole books: poems cut out of Gutenberg's files."""
