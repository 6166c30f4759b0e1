"""Servers on the loopback interface for tests: real ones behind a proxy that injects faults, and scripted ones."""
