"""Weights in safetensors files: never pickle.

An entry's name is the path of the tensor in the tree, `layers[0].weight`. A file is written whole
under another name and then moved into place, so an interrupted run leaves the old one.
"""

from __future__ import annotations

import json
import os
import struct
import tempfile
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from typedflux.core.tree import children, format_path, is_branch, iterate, rebuild
from typedflux.dtypes import BY_NAME
from typedflux.shapes.errors import ShapeError
from typedflux.tensor import Tensor, wrap

T = TypeVar("T")

FORMAT = "typedflux-1"

_CODES = {
    "bool": "BOOL", "int8": "I8", "int16": "I16", "int32": "I32", "int64": "I64", "uint8": "U8",
    "uint16": "U16", "uint32": "U32", "uint64": "U64", "float16": "F16", "bfloat16": "BF16",
    "float32": "F32", "float64": "F64", "complex64": "C64",
}  # fmt: skip
_NAMES = {code: name for name, code in _CODES.items()}


class WeightsError(ValueError):
    """A file that cannot be read, or whose entries do not fit; nothing was loaded."""


def save(path: str | os.PathLike[str], tree: Any) -> None:
    """Write the tensors of a model, an optimiser's state or any tree to a safetensors file.

    Raises:
        WeightsError: for complex128, which the format does not have.
    """
    header: dict[str, Any] = {"__metadata__": {"format": FORMAT}}
    blocks: list[bytes] = []
    position = 0
    for name, tensor in _entries(tree).items():
        code = _CODES.get(tensor.dtype.name)
        if code is None:
            raise WeightsError(f"{name} is {tensor.dtype}, which safetensors files do not hold")
        data = np.ascontiguousarray(tensor.numpy())
        block = data.view(np.uint8).tobytes() if data.size else b""
        header[name] = {
            "dtype": code,
            "shape": list(tensor.shape),
            "data_offsets": [position, position + len(block)],
        }
        blocks.append(block)
        position += len(block)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    target = Path(path)
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=target.name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(struct.pack("<Q", len(text)) + text + b"".join(blocks))
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def load(path: str | os.PathLike[str], tree: T) -> T:
    """Read a file that `save` wrote into `tree`: modules in place, which is also returned.

    Raises:
        WeightsError: for a truncated or corrupted file.
        ShapeError: listing every entry that is missing, unexpected, or of another shape or dtype.
            Nothing is loaded then.
    """
    found = _read(Path(path))
    wanted = _entries(tree)
    problems = [f"{n}: missing in the file" for n in wanted if n not in found]
    problems += [f"{n}: not in the model" for n in found if n not in wanted]
    for name, tensor in wanted.items():
        other = found.get(name)
        if other is not None and (other.shape != tensor.shape or other.dtype != tensor.dtype):
            problems.append(
                f"{name}: wanted {tensor.dtype} {tensor.shape}, got {other.dtype} {other.shape}"
            )
    if problems:
        listed = "\n  ".join(problems)
        raise ShapeError(f"{path} does not fit {type(tree).__name__}:\n  {listed}")
    return _fill(tree, (), found, {})  # type: ignore[no-any-return]


def _entries(tree: Any) -> dict[str, Tensor]:
    return {format_path(path) or "value": leaf for path, leaf, _ in iterate(tree)}


def _fill(
    tree: Any, path: tuple[str | int, ...], found: dict[str, Tensor], done: dict[int, Any]
) -> Any:
    if isinstance(tree, Tensor):
        return found[format_path(path) or "value"]
    parts = children(tree)
    if not parts:
        return tree
    if id(tree) in done:
        return done[id(tree)]
    done[id(tree)] = tree
    new = [_fill(part, (*path, name), found, done) for name, part in parts]
    if is_branch(tree):
        for (name, old), value in zip(parts, new, strict=True):
            if value is not old and not str(name).startswith("_ties"):
                setattr(tree, str(name), value)
        return tree
    done[id(tree)] = (
        rebuild(tree, new)
        if any(n is not old for n, (_, old) in zip(new, parts, strict=True))
        else tree
    )
    return done[id(tree)]


def _read(path: Path) -> dict[str, Tensor]:
    raw = path.read_bytes()
    try:
        (length,) = struct.unpack("<Q", raw[:8])
        header = json.loads(raw[8 : 8 + length])
        body = memoryview(raw)[8 + length :]
        header.pop("__metadata__", None)
        tensors = {}
        for name, entry in header.items():
            first, last = entry["data_offsets"]
            dtype = BY_NAME[_NAMES[entry["dtype"]]].dtype
            count = int(np.prod(entry["shape"], dtype=np.int64))
            if last > len(body) or last - first != count * dtype.itemsize:
                raise WeightsError(f"{path}: entry {name} is cut off or of the wrong length")
            data = np.frombuffer(body[first:last], dtype).reshape(entry["shape"]).copy()
            tensors[name] = wrap(data)
    except (struct.error, ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, WeightsError):
            raise
        raise WeightsError(f"{path} is not a whole safetensors file: {error}") from None
    return tensors
