"""Measurements as ratios of two sides in one run, which depend less on the machine than times do."""
