"""Runs that average their weights now and then."""
