"""A training run: its settings, start, datasets, saves, log and pictures."""
