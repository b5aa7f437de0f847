"""Tables and arrays from files."""

from __future__ import annotations

import csv
import gzip
import os
import zipfile
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Shaped

from typedflux import dtypes
from typedflux.dtypes import DType
from typedflux.ops import asarray, stack
from typedflux.tensor import Tensor


class Table(dict[str, Tensor | list[str]]):
    """Columns by name: tensors of numbers, and lists of strings."""

    def matrix(self, *names: str, dtype: DType = dtypes.float32) -> Shaped[Tensor, "rows columns"]:
        """These columns of numbers, or all there are, side by side.

        Raises:
            KeyError: for a name that is no column, naming those there are.
            TypeError: for a column of strings.
        """
        wanted = names or tuple([n for n, column in self.items() if isinstance(column, Tensor)])
        if not wanted:
            raise TypeError("this table has no column of numbers")
        return stack([self._numbers(name).astype(dtype) for name in wanted], axis=1)

    def text(self, name: str) -> list[str]:
        """A column of strings.

        Raises:
            KeyError: for a name that is no column, naming those there are.
            TypeError: for a column of numbers.
        """
        column = self._column(name)
        if isinstance(column, Tensor):
            raise TypeError(f"column {name!r} holds numbers: use matrix({name!r})")
        return column

    def _numbers(self, name: str) -> Tensor:
        column = self._column(name)
        if isinstance(column, Tensor):
            return column
        bad = next((c for c in column if _number(c) is None), "")
        raise TypeError(f"column {name!r} holds strings such as {bad!r:.40}: use text({name!r})")

    def _column(self, name: str) -> Tensor | list[str]:
        if name not in self:
            raise KeyError(f"there is no column {name!r}, but {', '.join(map(repr, self))}")
        return self[name]


def load_csv(path: str | os.PathLike[str], *, delimiter: str = ",", header: bool = True) -> Table:
    """The columns of a text file with one observation per line, by name; one that ends in `.gz` is
    decompressed.

    A column of integers is an int64 tensor, one of numbers float32, empty cells being nan, and any
    other a list of strings. The result is data for `DataLoader`, `splitobs` and the like, and
    `matrix` puts columns together.

    Args:
        delimiter: what stands between cells.
        header: whether the first line has the names; otherwise they are "0", "1", ...

    Raises:
        ValueError: for a file without lines, a name that occurs twice, or a line with more or fewer
            cells than there are names, with its number.
    """
    name = os.fspath(path)
    try:
        with _open(name) as file:
            reader = csv.reader(file, delimiter=delimiter, skipinitialspace=True)
            lines = [(reader.line_num, cells) for cells in reader if cells]
    except (UnicodeDecodeError, EOFError, gzip.BadGzipFile, csv.Error) as error:
        raise ValueError(f"{name} is no text file with cells: {error}") from None
    if not lines:
        raise ValueError(f"{name} has no lines")
    names = lines.pop(0)[1] if header else [str(i) for i in range(len(lines[0][1]))]
    names = [n.strip() for n in names]
    if len(set(names)) < len(names):
        again = next(n for n in names if names.count(n) > 1)
        raise ValueError(f"{name} has two columns {again!r}: say header=False if it has no names")
    for number, cells in lines:
        if len(cells) != len(names):
            raise ValueError(f"{name}, line {number}: wanted {len(names)} cells, got {len(cells)}")
    return Table({n: _column([cells[i] for _, cells in lines]) for i, n in enumerate(names)})


def _open(name: str) -> Any:
    if name.endswith(".gz"):
        return gzip.open(name, "rt", encoding="utf-8-sig", newline="")
    return open(name, encoding="utf-8-sig", newline="")


def _column(cells: Sequence[str]) -> Tensor | list[str]:
    numbers = [_number(cell) for cell in cells]
    if any(number is None for number in numbers):
        return list(cells)
    if all(isinstance(number, int) for number in numbers):
        return asarray(np.asarray(numbers, np.int64))
    return asarray(np.asarray(numbers, np.float32))


def _number(cell: str) -> float | None:
    """The number in a cell, nan for an empty one, `None` where there is something else."""
    for kind in (int, float) if "_" not in cell else ():  # which Python would read as one number
        try:
            number: float = kind(cell)
        except ValueError:
            continue
        if kind is float or -(2**63) <= number < 2**63:
            return number
    return None if cell.strip() else np.nan


def load_npz(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """The arrays of a NumPy `.npz` file by name. Pickled objects in it are refused.

    Raises:
        ValueError: for a file of another kind, a damaged one, or one with arrays that are no
            numbers, naming the array.
    """
    name = os.fspath(path)
    with open(name, "rb") as stream:
        try:
            file = np.load(stream, allow_pickle=False)
        except (ValueError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError(f"{name} cannot be read as .npz: {error}") from None
        if not isinstance(file, np.lib.npyio.NpzFile):
            raise ValueError(f"{name} holds one array: use flux.asarray(numpy.load(path))")
        with file:
            return {key: _array(name, key, file) for key in file.files}


def _array(name: str, key: str, file: np.lib.npyio.NpzFile) -> Tensor:
    try:
        return asarray(file[key])
    except (TypeError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{name} cannot be read: array {key!r}: {error}") from None
