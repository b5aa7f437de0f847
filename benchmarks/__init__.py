"""Timings beside PyTorch and JAX, run as `make bench`.

`python -m benchmarks` times operations and gradients one by one, `python -m benchmarks.training`
compiled training steps.
"""
