"""Numerical kernels on plain `numpy` arrays: no tensors, no shapes to check, no derivatives.

Every size is a concrete integer that the caller has validated. The kernels of one module are each
other's transposes, so the derivatives of an operation are again operations of that module.
"""
