"""Where stanzas and poems end in verse that has lost its empty lines and titles."""
