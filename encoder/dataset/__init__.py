"""Ids on disk: datasets written, read and described."""
