"""Data to begin with, and readers of the formats that data sets come in."""

from __future__ import annotations

import gzip
import math
import os
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float32, Int64, Shaped

from typedflux import dtypes
from typedflux.ops import asarray
from typedflux.tensor import Tensor, wrap


class Digits(NamedTuple):
    """Handwritten digits: grey values from 0 to 1 and the digits they show."""

    images: Float32[Tensor, "1797 1 8 8"]
    labels: Int64[Tensor, "1797"]


class Iris(NamedTuple):
    """Measurements of iris flowers in centimetres, and their species as numbers."""

    features: Float32[Tensor, "150 4"]
    labels: Int64[Tensor, "150"]


class Wine(NamedTuple):
    """Thirteen chemical measurements of wines, and their cultivars as numbers."""

    features: Float32[Tensor, "178 13"]
    labels: Int64[Tensor, "178"]


class BreastCancer(NamedTuple):
    """Thirty measurements of cell nuclei, and 1 where the tumour is benign."""

    features: Float32[Tensor, "569 30"]
    labels: Int64[Tensor, "569"]


class Diabetes(NamedTuple):
    """Ten measurements of patients, and how far the disease got in a year."""

    features: Float32[Tensor, "442 10"]
    targets: Float32[Tensor, "442"]


IRIS_SPECIES = ("setosa", "versicolor", "virginica")


def digits() -> Digits:
    """The 1,797 handwritten digits of 8 by 8 pixels that come with scikit-learn.

    Source: Alpaydin and Kaynak, "Optical recognition of handwritten digits", UCI machine learning
    repository, 1998 (its test part).

    Raises:
        ImportError: without scikit-learn, which the extra `examples` installs.
    """
    bunch = _sklearn("digits")
    images = np.asarray(bunch["images"], np.float32)[:, None] / np.float32(16)
    return Digits(wrap(images), wrap(np.asarray(bunch["target"], np.int64)))


def iris() -> Iris:
    """Fisher's 150 iris flowers of three species, `IRIS_SPECIES`, as they come with scikit-learn.

    Source: Fisher, "The use of multiple measurements in taxonomic problems", 1936.

    Raises:
        ImportError: without scikit-learn, which the extra `examples` installs.
    """
    return Iris(*_classes("iris"))


def wine() -> Wine:
    """178 wines of three cultivars, as they come with scikit-learn. The features are on very
    different scales: `flux.normalise(features, axis=0)`.

    Source: Aeberhard and Forina, "Wine", UCI machine learning repository, 1991.

    Raises:
        ImportError: without scikit-learn, which the extra `examples` installs.
    """
    return Wine(*_classes("wine"))


def breast_cancer() -> BreastCancer:
    """569 tumours, 357 of them benign, as they come with scikit-learn. The features are on very
    different scales: `flux.normalise(features, axis=0)`.

    Source: Wolberg, Mangasarian, Street and Street, "Breast cancer Wisconsin (diagnostic)", UCI
    machine learning repository, 1993.

    Raises:
        ImportError: without scikit-learn, which the extra `examples` installs.
    """
    return BreastCancer(*_classes("breast_cancer"))


def diabetes() -> Diabetes:
    """442 patients, for regression, as they come with scikit-learn: features scaled to mean 0 and
    a sum of squares of 1, targets from 25 to 346.

    Source: Efron, Hastie, Johnstone and Tibshirani, "Least angle regression", 2004.

    Raises:
        ImportError: without scikit-learn, which the extra `examples` installs.
    """
    bunch = _sklearn("diabetes")
    features = np.asarray(bunch["data"], np.float32)
    return Diabetes(wrap(features), wrap(np.asarray(bunch["target"], np.float32)))


def _classes(name: str) -> tuple[Tensor, Tensor]:
    bunch = _sklearn(name)
    features = np.asarray(bunch["data"], np.float32)
    return wrap(features), wrap(np.asarray(bunch["target"], np.int64))


def _sklearn(name: str) -> Mapping[str, Any]:
    try:
        from sklearn import datasets
    except ImportError:
        raise ImportError(
            f"data.{name}() reads the set that comes with scikit-learn, which is not installed: "
            "pip install 'typedflux[examples]'"
        ) from None
    found: Mapping[str, Any] = getattr(datasets, f"load_{name}")()
    return found


_IDX_TYPES = {
    0x08: (">u1", dtypes.uint8), 0x09: (">i1", dtypes.int8), 0x0B: (">i2", dtypes.int16),
    0x0C: (">i4", dtypes.int32), 0x0D: (">f4", dtypes.float32), 0x0E: (">f8", dtypes.float64),
}  # fmt: skip


def load_idx(path: str | os.PathLike[str]) -> Shaped[Tensor, "..."]:
    """The tensor in a file of the IDX format, as MNIST and its relatives come in; one that ends in
    `.gz` is decompressed.

    Format: two zero bytes, a type code, the rank, the sizes as big-endian 32-bit integers, then the
    elements, big-endian (LeCun, "The MNIST database of handwritten digits").

    Raises:
        ValueError: for a file that is cut short, too long, or no IDX file, naming it.
    """
    name = os.fspath(path)
    try:
        with gzip.open(name, "rb") if name.endswith(".gz") else open(name, "rb") as file:
            content = file.read()
    except (EOFError, gzip.BadGzipFile) as error:
        raise ValueError(f"{name} is a damaged gzip file: {error}") from None
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _IDX_TYPES:
        raise ValueError(
            f"{name} is no IDX file: it must begin with two zero bytes and a type code, and begins "
            f"with {content[:4].hex(' ') or 'nothing, being empty'}"
        )
    spelling, dtype = _IDX_TYPES[content[2]]
    rank = content[3]
    start = 4 + 4 * rank
    if len(content) < start:
        raise ValueError(f"{name} is cut short: {len(content)} bytes do not hold its {rank} sizes")
    shape = tuple(np.frombuffer(content, ">u4", rank, 4).tolist())
    wanted = start + math.prod(shape) * dtype.itemsize
    if len(content) != wanted:
        problem = "is cut short" if len(content) < wanted else "has bytes after its end"
        raise ValueError(
            f"{name} {problem}: {dtype} of shape {shape} takes {wanted} bytes, it has "
            f"{len(content)}"
        )
    elements = np.frombuffer(content, spelling, offset=start).reshape(shape)
    return asarray(elements, dtype=dtype)
