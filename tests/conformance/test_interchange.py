"""DLPack, and `copy=` and `device=` of what makes tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import typedflux as flux
from typedflux import Tensor


class Exporter:
    """What another library sees: exactly the keywords given, whatever the consumer asked."""

    def __init__(self, tensor: Tensor, **keywords: Any) -> None:
        self.tensor = tensor
        self.keywords = keywords

    def __dlpack__(self, **_: Any) -> Any:
        return self.tensor.__dlpack__(**self.keywords)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.tensor.__dlpack_device__()


VERSIONS: list[tuple[int, int] | None] = [None, (0, 8), (1, 0), (2, 0)]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("copy", [None, True, False])
def test_memory_is_shared_or_copied(version: tuple[int, int] | None, copy: bool | None) -> None:
    """Who cannot be told that memory is read-only gets a copy, unless asking for none."""
    x = flux.arange(6)
    array = np.from_dlpack(Exporter(x, max_version=version, copy=copy))
    shared = copy is not True if version is not None and version >= (1, 0) else copy is False
    assert np.shares_memory(array, x.numpy()) is shared
    assert array.tolist() == x.tolist()
    if version is not None and version >= (1, 0) and shared:
        assert not array.flags.writeable


def test_what_dlpack_cannot_carry() -> None:
    x = flux.ones((2,))
    with pytest.raises(BufferError, match="on the CPU"):
        x.__dlpack__(dl_device=(2, 0))
    with pytest.raises(BufferError, match="bfloat16"):
        x.astype(flux.bfloat16).__dlpack__(max_version=(1, 0))
    with pytest.raises(AttributeError, match="needs an object with __dlpack__, got list"):
        flux.from_dlpack([1])


class Elsewhere:
    """An array of a device whose memory Python cannot read, in a library that can copy it."""

    def __dlpack__(
        self, *, dl_device: tuple[int, int] | None = None, max_version: Any = None, **_: Any
    ) -> Any:
        if dl_device != (1, 0):
            raise BufferError("this memory is not the CPU's")
        return np.arange(3).__dlpack__(max_version=max_version)

    def __dlpack_device__(self) -> tuple[int, int]:
        return (2, 0)


def test_from_another_device() -> None:
    with pytest.raises(BufferError, match="not the CPU's"):
        flux.from_dlpack(Elsewhere())
    assert flux.from_dlpack(Elsewhere(), device="cpu").tolist() == [0, 1, 2]


def test_from_dlpack_copies_when_asked() -> None:
    array = np.arange(3)
    assert not np.shares_memory(flux.from_dlpack(array, copy=True).numpy(), array)
    assert np.shares_memory(flux.from_dlpack(array, copy=False).numpy(), array)
    assert np.shares_memory(flux.from_dlpack(array).numpy(), array)


def test_asarray_copy() -> None:
    x, array = flux.arange(3), np.arange(3)
    assert flux.asarray(x, copy=False) is x
    assert np.shares_memory(flux.asarray(array, copy=False).numpy(), array)
    assert np.shares_memory(flux.asarray(array.data, copy=False).numpy(), array)
    for copy in (None, True):
        assert not np.shares_memory(flux.asarray(array, copy=copy).numpy(), array)
    for data in (x, array):
        with pytest.raises(ValueError, match="int64 cannot be shared as float32"):
            flux.asarray(data, dtype=flux.float32, copy=False)
    with pytest.raises(ValueError, match="no memory to share"):
        flux.asarray([1, 2], copy=False)


def test_asarray_precedence_of_python_numbers() -> None:
    for data, wanted in [
        ([True, False], flux.bool_),
        ([True, 2], flux.int64),
        ([True, 2, 0.5], flux.float32),
        ([True, 2, 0.5, 1j], flux.complex64),
        (True, flux.bool_),
        ([], flux.float32),
    ]:
        assert flux.asarray(data).dtype == wanted


X = flux.ones((2,))
MAKERS: list[Callable[[str], Tensor]] = [
    lambda device: flux.asarray(1, device=device),
    lambda device: flux.zeros(2, device=device),
    lambda device: flux.ones(2, device=device),
    lambda device: flux.empty(2, device=device),
    lambda device: flux.full(2, 1, device=device),
    lambda device: flux.zeros_like(X, device=device),
    lambda device: flux.ones_like(X, device=device),
    lambda device: flux.empty_like(X, device=device),
    lambda device: flux.full_like(X, 1, device=device),
    lambda device: flux.arange(2, device=device),
    lambda device: flux.linspace(0, 1, 2, device=device),
    lambda device: flux.eye(2, device=device),
    lambda device: flux.from_dlpack(X, device=device),
    lambda device: flux.astype(X, flux.float64, device=device),
    lambda device: X.to_device(device),
]


@pytest.mark.parametrize("make", MAKERS)
def test_devices(make: Callable[[str], Tensor]) -> None:
    assert make("cpu").device == flux.__array_namespace_info__().default_device()
    with pytest.raises(ValueError, match="there is no device 'tpu'"):
        make("tpu")


def test_arrays_of_objects() -> None:
    with pytest.raises(flux.DTypeError, match="dtype object may hold anything"):
        flux.asarray(np.array([1, 2.5], dtype=object))
    with pytest.raises(flux.DTypeError, match="elements are numbers, got NoneType and int"):
        flux.asarray(np.array([1, None], dtype=object))


def test_complex_numbers_as_booleans() -> None:
    x: Any = flux.asarray([0j, 1j, 1 + 0j, complex(0.0, float("nan"))])
    assert x.astype(flux.bool_).tolist() == [False, True, True, True]
    with pytest.raises(flux.DTypeError, match="would drop the imaginary part"):
        x.astype(flux.float32)
