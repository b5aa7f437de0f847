"""The functions and methods that programs count on are there, the array API standard's first."""

from __future__ import annotations

import inspect

import pytest

import typedflux as flux

STANDARD = """
e inf nan newaxis pi __array_api_version__ __array_namespace_info__ arange asarray empty empty_like
eye from_dlpack full full_like linspace meshgrid ones ones_like tril triu zeros zeros_like astype
broadcast_arrays broadcast_to can_cast finfo iinfo isdtype result_type bool int8 int16 int32 int64
uint8 uint16 uint32 uint64 float32 float64 complex64 complex128 abs acos acosh add asin asinh atan
atan2 atanh bitwise_and bitwise_invert bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor
ceil clip conj copysign cos cosh divide equal exp expm1 floor floor_divide greater greater_equal
hypot imag isfinite isinf isnan less less_equal log log10 log1p log2 logaddexp logical_and
logical_not logical_or logical_xor maximum minimum multiply negative nextafter not_equal positive
pow real reciprocal remainder round sign signbit sin sinh sqrt square subtract tan tanh trunc take
take_along_axis matmul matrix_transpose tensordot vecdot concat expand_dims flip moveaxis
permute_dims repeat reshape roll squeeze stack tile unstack argmax argmin count_nonzero nonzero
searchsorted where unique_all unique_counts unique_inverse unique_values argsort sort
cumulative_prod cumulative_sum max mean min prod std sum var all any diff
"""

OF_FLUX = """
celu elu gelu gelu_erf gelu_sigmoid gelu_tanh glu hardsigmoid hardswish hardtanh leakyrelu lisht
logcosh logsigmoid logsoftmax logsumexp mish relu relu6 rrelu selu sigmoid sigmoid_fast softmax
softplus softshrink softsign swish tanh tanh_fast tanhshrink thresholdrelu trelu
"""

BEYOND = """
einsum rearrange reduce einops_repeat outer flatten topk pad gather scatter one_hot split conv randn
rand randint seed hardshrink softmin swiglu gumbel_softmax
"""

METHODS = """
T mT device dtype ndim shape size to_device __array_namespace__ __dlpack__ __dlpack_device__ __abs__
__bool__ __complex__ __float__ __index__ __int__ __invert__ __neg__ __pos__ __add__ __and__ __eq__
__floordiv__ __ge__ __getitem__ __gt__ __le__ __lshift__ __lt__ __matmul__ __mod__ __mul__ __ne__
__or__ __pow__ __rshift__ __setitem__ __sub__ __truediv__ __xor__ __radd__ __rand__ __rfloordiv__
__rlshift__ __rmatmul__ __rmod__ __rmul__ __ror__ __rpow__ __rrshift__ __rsub__ __rtruediv__
__rxor__ all any argmax argmin argsort astype at clip conj flatten imag item max mean min nonzero
numpy permute_dims prod real repeat reshape round searchsorted sort squeeze std sum take tolist
transpose var
"""


@pytest.mark.parametrize("names", [STANDARD, OF_FLUX, BEYOND], ids=["standard", "Flux", "beyond"])
def test_functions(names: str) -> None:
    assert [name for name in names.split() if not hasattr(flux, name)] == []


def test_methods() -> None:
    assert [name for name in METHODS.split() if not hasattr(flux.Tensor, name)] == []


@pytest.mark.parametrize("name", f"{STANDARD}{OF_FLUX}{BEYOND}".split())
def test_functions_are_documented(name: str) -> None:
    value = getattr(flux, name)
    if inspect.isroutine(value):
        assert inspect.getdoc(value)
