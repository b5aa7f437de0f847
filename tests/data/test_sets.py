"""Data sets and readers of files."""

from __future__ import annotations

import builtins
import gzip
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import typedflux as flux
from typedflux import data
from typedflux.data import load_csv, load_idx, load_npz


@pytest.mark.parametrize(
    ("load", "shape", "classes"),
    [
        (data.digits, (1797, 1, 8, 8), 10),
        (data.iris, (150, 4), 3),
        (data.wine, (178, 13), 3),
        (data.breast_cancer, (569, 30), 2),
        (data.diabetes, (442, 10), None),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_the_sets(
    load: Callable[[], tuple[flux.Tensor, flux.Tensor]], shape: tuple[int, ...], classes: int | None
) -> None:
    x, y = load()
    assert x.shape == shape and x.dtype == flux.float32
    assert bool(flux.all(flux.isfinite(x)))
    assert y.shape == shape[:1]
    if classes is None:
        assert y.dtype == flux.float32 and (float(y.min()), float(y.max())) == (25.0, 346.0)
    else:
        assert y.dtype == flux.int64
        assert sorted(set(y.tolist())) == list(range(classes))


def test_digits_are_grey_values_from_0_to_1() -> None:
    images, labels = data.digits()
    assert (float(images.min()), float(images.max())) == (0.0, 1.0)
    assert labels[:10].tolist() == list(range(10))


@pytest.mark.parametrize("name", ["digits", "iris", "wine", "breast_cancer", "diabetes"])
def test_without_scikit_learn_the_extra_is_named(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def fail(wanted: str, *rest: Any) -> Any:
        if wanted.split(".", maxsplit=1)[0] == "sklearn":
            raise ModuleNotFoundError("No module named 'sklearn'", name="sklearn")
        return real(wanted, *rest)

    monkeypatch.setattr(builtins, "__import__", fail)
    with pytest.raises(ImportError) as caught:
        getattr(data, name)()
    assert str(caught.value) == (
        f"data.{name}() reads the set that comes with scikit-learn, which is not installed: "
        "pip install 'typedflux[examples]'"
    )


# IDX


def idx(array: np.ndarray[Any, Any], code: int) -> bytes:
    head = bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


@pytest.mark.parametrize(
    ("code", "dtype"),
    [(8, "uint8"), (9, "int8"), (11, "int16"), (12, "int32"), (13, "float32"), (14, "float64")],
)
@pytest.mark.parametrize("shape", [(5,), (2, 3, 4), (), (0, 28)])
def test_idx(code: int, dtype: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    array = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)
    plain, packed = tmp_path / "a-idx-ubyte", tmp_path / "a-idx-ubyte.gz"
    plain.write_bytes(idx(array, code))
    packed.write_bytes(gzip.compress(idx(array, code)))
    for path in (plain, packed):
        tensor = load_idx(path)
        assert tensor.dtype.name == dtype and tensor.shape == shape
        assert tensor.tolist() == array.tolist()


WHOLE = idx(np.arange(6, dtype=np.uint8).reshape(2, 3), 8)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "is no IDX file: it must begin .* and begins with nothing, being empty"),
        (b"\0\0\x07\1abcd", "begins with 00 00 07 01"),
        (b"hello", "begins with 68 65 6c 6c"),
        (WHOLE[:7], "is cut short: 7 bytes do not hold its 2 sizes"),
        (WHOLE[:-1], r"is cut short: uint8 of shape \(2, 3\) takes 18 bytes, it has 17"),
        (WHOLE + b"x", "has bytes after its end"),
    ],
)
def test_bad_idx(content: bytes, text: str, tmp_path: Path) -> None:
    path = tmp_path / "bad"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=text) as caught:
        load_idx(path)
    assert str(path) in str(caught.value)


def test_bad_gzip(tmp_path: Path) -> None:
    path = tmp_path / "bad.gz"
    for content in (b"no gzip", gzip.compress(WHOLE)[:-9], gzip.compress(WHOLE)[:12] + b"\xff" * 9):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="is a damaged gzip file"):
            load_idx(path)


# Tables

CSV = """name, size, weight, ok
ant, 1, 0.5, yes
"bee, black", 2, , no
cat, 300, 1e3, nan
"""


def test_csv(tmp_path: Path) -> None:
    plain, packed = tmp_path / "t.csv", tmp_path / "t.csv.gz"
    plain.write_text("\ufeff" + CSV.replace("\n", "\r\n"), encoding="utf-8", newline="")
    packed.write_bytes(gzip.compress(CSV.encode()))
    for path in (plain, packed):
        table = load_csv(path)
        assert list(table) == ["name", "size", "weight", "ok"]
        assert table.text("name") == ["ant", "bee, black", "cat"]
        size, weight = table["size"], table["weight"]
        assert isinstance(size, flux.Tensor) and isinstance(weight, flux.Tensor)
        assert size.tolist() == [1, 2, 300] and size.dtype == flux.int64
        np.testing.assert_array_equal(weight.numpy(), [0.5, np.nan, 1000])
        assert table.text("ok") == ["yes", "no", "nan"]
        assert table.matrix().shape == (3, 2)
        assert table.matrix("size", dtype=flux.float64).tolist() == [[1.0], [2.0], [300.0]]


def test_a_table_is_data(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(CSV)
    head, tail = data.splitobs(load_csv(path), at=1)
    assert head.text("name") == ["ant"] and tail.matrix("size").shape == (2, 1)
    assert [len(b.text("name")) for b in data.DataLoader(load_csv(path), batchsize=2)] == [2, 1]


def test_csv_without_names_and_with_other_delimiters(tmp_path: Path) -> None:
    path = tmp_path / "t.tsv"
    path.write_text("1\t2\n\n3\t99999999999999999999\n")
    table = load_csv(path, delimiter="\t", header=False)
    assert list(table) == ["0", "1"]
    assert table.matrix("0").tolist() == [[1.0], [3.0]]
    column = table["1"]
    assert isinstance(column, flux.Tensor) and column.dtype == flux.float32
    path.write_text("a\n1_000\n2\n")
    assert load_csv(path).text("a") == ["1_000", "2"]
    path.write_text("a,b\n")
    assert load_csv(path).matrix().shape == (0, 2)


def test_bad_csv(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    for content, text in (
        (b"", "has no lines"),
        (b"a,b\n1,2\n3\n", "line 3: wanted 2 cells, got 1"),
        (b"a,b\n1,2,3\n", "line 2: wanted 2 cells, got 3"),
        (b"1,1\n2,2\n", "has two columns '1': say header=False if it has no names"),
        (b"\xff\xfe\x00", "is no text file with cells"),
    ):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=text) as caught:
            load_csv(path)
        assert str(path) in str(caught.value)
    packed = tmp_path / "t.csv.gz"
    packed.write_bytes(b"no gzip")
    with pytest.raises(ValueError, match="is no text file with cells"):
        load_csv(packed)


def test_columns_of_the_other_kind(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(CSV)
    table = load_csv(path)
    with pytest.raises(TypeError, match=r"'ok' holds strings such as 'yes': use text\('ok'\)"):
        table.matrix("size", "ok")
    with pytest.raises(TypeError, match=r"column 'size' holds numbers: use matrix\('size'\)"):
        table.text("size")
    with pytest.raises(KeyError, match="there is no column 'sise', but 'name', 'size'"):
        table.matrix("sise")
    with pytest.raises(TypeError, match="has no column of numbers"):
        data.Table({"a": ["x"]}).matrix()


# NumPy files


def test_npz(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, x=np.arange(6).reshape(2, 3), y=np.float16(2.5), z=np.zeros((0, 2)))
    found = load_npz(path)
    assert {k: (v.shape, v.dtype.name) for k, v in found.items()} == {
        "x": ((2, 3), "int64"), "y": ((), "float16"), "z": ((0, 2), "float64"),
    }  # fmt: skip
    assert found["x"].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_bad_npz(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    cases: list[tuple[Any, str]] = [
        (b"", "cannot be read"),
        (b"no zip", "cannot be read"),
        (np.ones(3), "holds one array"),
        ({"s": np.array(["a"])}, "array 's'"),
        ({"o": np.array([{}], object)}, "array 'o'"),
    ]
    for content, text in cases:
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif isinstance(content, dict):
            np.savez(path, **content)
        else:
            with open(path, "wb") as file:
                np.save(file, content)
        with pytest.raises(ValueError, match=text) as caught:
            load_npz(path)
        assert str(path) in str(caught.value)
    np.savez(path, x=np.arange(1000))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="cannot be read"):
        load_npz(path)
    with pytest.raises(FileNotFoundError):
        load_npz(tmp_path / "none.npz")
