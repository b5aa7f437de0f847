"""BLAS for generated code: capsules that hold a pointer to a Fortran function."""

__pyx_capi__: dict[str, object]
