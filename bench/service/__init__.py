"""Compares the service with the original's handler, as ratios of one run on one machine."""
