"""Files that are damaged or do not fit: one clear error, and nothing is loaded."""

from __future__ import annotations

import json
import os
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import typedflux as flux
from typedflux import nn
from typedflux.core.tree import leaves


def raw_file(header: Any, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def entry(dtype: str = "F32", shape: tuple[int, ...] = (2,), end: int = 8) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [0, end]}


WHOLE = raw_file({"x": entry()}, bytes(8))

DAMAGE = {
    "empty": (b"", "it is empty"),
    "few bytes": (b"abc", "its 3 bytes end before its header does: cut off, or of another format"),
    "cut in the header": (WHOLE[:20], "its 20 bytes end before its header does"),
    "cut in the data": (WHOLE[:-3], "its tensors take 8 bytes, and it has 5 for them"),
    "bytes after the end": (WHOLE + b"??", "its tensors take 8 bytes, and it has 10 for them"),
    "no JSON": (raw_file(b"not json"), "invalid JSON in header"),
    "no UTF-8": (raw_file(b"\xff\xfe{}"), "invalid UTF-8 in header"),
    "a list": (raw_file([1, 2]), "invalid JSON in header"),
    "an entry is a number": (raw_file({"x": 3}), "invalid JSON in header"),
    "wrong count": (raw_file({"x": entry(shape=(3,))}, bytes(8)), "invalid shape"),
    "negative size": (raw_file({"x": entry(shape=(-2,))}, bytes(8)), "invalid value"),
    "huge sizes": (raw_file({"x": entry(shape=(1 << 62, 8))}, bytes(8)), "overflow"),
    "unknown dtype": (raw_file({"x": entry("F33")}, bytes(8)), "unknown variant `F33`"),
    "overlap": (raw_file({"x": entry(), "y": entry(end=4)}, bytes(8)), "invalid"),
    "text": (b"The quick brown fox jumps over the lazy dog", "end before its header does"),
    "pickle": (pickle.dumps({"x": 1}), "it begins like a pickle"),
    "zip": (b"PK\x03\x04" + bytes(40), "it begins like a zip archive, as PyTorch's"),
    "npy": (b"\x93NUMPY" + bytes(40), "it begins like a NumPy array"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_file_says_what_is_wrong(name: str, tmp_path: Path) -> None:
    content, reason = DAMAGE[name]
    path = tmp_path / "w.safetensors"
    path.write_bytes(content)
    tree = {"x": flux.ones(2)}
    with pytest.raises(flux.WeightsError) as caught:
        flux.load(path, tree)
    text = str(caught.value)
    assert text.startswith(f"{path} is not a whole safetensors file: ")
    assert reason in text
    assert "\n" not in text
    assert caught.value.__cause__ is None and caught.value.__suppress_context__
    assert tree["x"].tolist() == [1.0, 1.0]


def test_every_truncation_of_a_file_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "w"
    flux.save(path, nn.Dense(3, 2))
    whole = path.read_bytes()
    model = nn.Dense(3, 2)
    weight = model.weight
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(flux.WeightsError, match="not a whole safetensors file"):
            flux.load(path, model)
    assert model.weight is weight


def test_a_dtype_that_only_the_format_has(tmp_path: Path) -> None:
    path = tmp_path / "w"
    path.write_bytes(raw_file({"x": entry("F8_E4M3", (8,))}, bytes(8)))
    with pytest.raises(flux.WeightsError, match="entry x has dtype F8_E4M3, which typedflux lacks"):
        flux.load(path)


def test_truth_is_any_byte_but_zero(tmp_path: Path) -> None:
    path = tmp_path / "w"
    path.write_bytes(raw_file({"x": entry("BOOL", (3,), 3)}, b"\0\1\7"))
    assert flux.load(path)["x"].tolist() == [False, True, True]


def test_a_directory(tmp_path: Path) -> None:
    with pytest.raises(flux.WeightsError) as caught:
        flux.load(tmp_path, nn.Dense(2, 2))
    assert str(caught.value) == f"{tmp_path} cannot be read: Is a directory"
    with pytest.raises(IsADirectoryError, match=str(tmp_path)):
        flux.save(tmp_path, nn.Dense(2, 2))
    assert os.listdir(tmp_path) == []


def test_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:  # root may read everything: the system's answer is imitated
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(flux.WeightsError) as caught:
        flux.load(tmp_path / "w", nn.Dense(2, 2))
    assert str(caught.value) == f"{tmp_path / 'w'} cannot be read: Permission denied"


def test_no_file_and_no_folder(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "w"
    for call in (lambda: flux.load(path, nn.Dense(2, 2)), lambda: flux.save(path, nn.Dense(2, 2))):
        with pytest.raises(FileNotFoundError) as caught:
            call()
        assert str(caught.value) == f"[Errno 2] No such file or directory: '{path}'"


def test_one_error_lists_everything_that_does_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "w"
    flux.save(
        path,
        {
            "layers": [
                {"weight": flux.ones((3, 2)), "bias": flux.ones(2, dtype=flux.float16)},
                {"extra": flux.ones(())},
            ],
        },
    )
    model = nn.Chain(nn.Dense(3, 2), nn.Scale(2))
    before = leaves(model)
    with pytest.raises(flux.WeightsError) as caught:
        flux.load(path, model)
    assert str(caught.value).splitlines() == [
        f"{path} does not fit this Chain, into which nothing was loaded:",
        "  layers[1].scale: missing in the file",
        "  layers[1].bias: missing in the file",
        "  layers[1].extra: in the file, but not in the tree",
        '  layers[0].weight: wanted Float32[Tensor, "2 3"], got Float32[Tensor, "3 2"]',
        '  layers[0].bias: wanted Float32[Tensor, "2"], got Float16[Tensor, "2"]',
    ]
    assert isinstance(caught.value, flux.ShapeError) and isinstance(caught.value, ValueError)
    assert [id(t) for t in leaves(model)] == [id(t) for t in before]


@pytest.mark.parametrize(
    ("tree", "error", "text"),
    [
        ({"x": flux.ones(2, dtype=flux.complex128)}, flux.WeightsError, "x is complex128, which"),
        ({"n": 1 << 70}, flux.WeightsError, "n is 1180591620717411303424, which 64 bits"),
        ({"a": {"b": flux.ones(1)}, "a.b": flux.ones(1)}, flux.WeightsError, "the name 'a.b'"),
        ({"__metadata__": flux.ones(1)}, flux.WeightsError, "the name '__metadata__'"),
        ({"\ud800": flux.ones(1)}, flux.WeightsError, "not Unicode text"),
        ({"x": np.ones(2)}, TypeError, r"x is a NumPy ndarray: .* convert it with flux.asarray"),
        ({"x": np.float32(2)}, TypeError, r"x is a NumPy float32"),
        (flux.relu, TypeError, "save takes a path and then a model or tree of tensors, got"),
        ("model", TypeError, "got str: 'model'"),
        (None, TypeError, "got NoneType"),
    ],
)
def test_what_cannot_be_saved(tree: Any, error: type[Exception], text: str, tmp_path: Path) -> None:
    with pytest.raises(error, match=text):
        flux.save(tmp_path / "x", tree)
    assert os.listdir(tmp_path) == []


def test_arguments_in_the_wrong_order(tmp_path: Path) -> None:
    model: Any = nn.Dense(2, 2)
    path: Any = tmp_path / "w"
    with pytest.raises(TypeError, match="save takes the file's path first, got Dense"):
        flux.save(model, path)
    with pytest.raises(TypeError, match="load takes the file's path first, got Dense"):
        flux.load(model, path)
    with pytest.raises(TypeError, match="takes a path of text, got b'w'"):
        flux.save(b"w", model)  # type: ignore[arg-type]  # that is the point


def test_saving_inside_a_transformation_says_so(tmp_path: Path) -> None:
    def loss(model: nn.Dense[Any, Any]) -> flux.Tensor:
        flux.save(tmp_path / "w", model)
        return model.weight.sum()

    with pytest.raises(TypeError, match="being traced"):
        flux.gradient(loss, nn.Dense(2, 2))
    assert os.listdir(tmp_path) == []
