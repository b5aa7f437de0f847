"""Timings beside PyTorch, run as `make bench` or `python -m benchmarks`."""
