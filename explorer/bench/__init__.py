"""Benchmarks, `python -m explorer bench NAME`: seconds beside counted work, machine named."""
