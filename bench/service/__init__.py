"""Figures of the service beside the original's way of serving, as ratios taken in one run on one machine."""
