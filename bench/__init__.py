"""Measurements, each a program: `python -m bench.outbox`."""
