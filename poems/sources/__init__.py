"""Where poems come from: files, folders and formats."""
