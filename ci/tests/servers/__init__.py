"""Servers on the loopback interface for tests: real ones, behind something that treats requests as scripted."""
