"""The same poem in several sources, found once."""
