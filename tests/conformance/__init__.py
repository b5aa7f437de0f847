"""The Python array API standard: https://data-apis.org/array-api/2024.12.

`typedflux` is a namespace of the standard, version 2024.12: `x.__array_namespace__()` returns it,
and programs written for the standard run on tensors. What this library decides for itself, where
the standard leaves the choice:

- an integer tensor with a float tensor gives the float's dtype;
- the default dtypes are float32, complex64 and int64;
- tensors are immutable: instead of `x[i] = v` write `x = x.at[i].set(v)`;
- `floor_divide` with infinities is `floor(x1 / x2)`, not what Python's `//` makes of them.

The tests here pin, one by one, the standard's rules that were ever broken. The community's own
suite, https://github.com/data-apis/array-api-tests, is run against the library by

    python -m tests.conformance.run --suite DIR

where DIR is a checkout of it with its submodule, in an environment that has its requirements and
typedflux. `skips.txt` lists its tests that do not pass and why not; everything else must.
"""
