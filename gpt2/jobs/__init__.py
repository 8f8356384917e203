"""A request for samples: prompts, endings, the terminal and the file of samples."""
