"""What is mended and dropped in verse, and the report on it."""
