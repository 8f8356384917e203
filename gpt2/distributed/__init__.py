"""Devices and workers that take part in one run."""
