"""Figures of the stage, as ratios taken in one run: machines differ and are noisy, ratios less so."""
