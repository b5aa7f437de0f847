"""Whole training steps beside PyTorch and JAX: `python -m benchmarks.training`."""
