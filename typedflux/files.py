"""Weights in safetensors files: never pickle.

An entry's name is the path of the tensor in the tree, `layers[0].weight`. A file is written whole
under another name and then moved into place, so an interrupted run leaves the old one.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, overload

import numpy as np

from typedflux.core.primitive import Array, type_of
from typedflux.core.tree import Path as TreePath
from typedflux.core.tree import children, format_path, is_branch, iterate
from typedflux.dtypes import BY_NAME
from typedflux.optim.slots import ROOT, Place, put, replaced
from typedflux.optim.state import ParameterState
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
_NUMBERS = {bool: np.bool_, int: np.int64, float: np.float64}


class WeightsError(ShapeError):
    """A file of weights that cannot be read, or whose entries do not fit; nothing was loaded."""


def save(path: str | os.PathLike[str], tree: Any) -> None:
    """Write the tensors of a model, an optimiser's state or any tree to a safetensors file.

    Python numbers that dicts, lists and tuples hold are written too, as tensors of rank 0; those in
    fields of modules are not, since whoever loads makes the modules first. An optimiser's state
    includes its hyper-parameters and what is frozen, a `flux.Generator` where it has got to, so

        flux.save(path, {"model": model, "state": state, "rng": flux.default_generator(),
                         "epoch": 3})

    is all that it takes to go on later, bit for bit, with `flux.load` of the same dict.

    The file gets its name when it is whole; until then an older one of that name stays.

    Raises:
        WeightsError: for what the format does not have: complex128 and integers beyond 64 bits.
        TypeError: for a `tree` that holds no tensors because it is no tree.
        OSError: when the file cannot be written, with its name.
    """
    target = Path(os.path.realpath(_checked("save", path)))
    entries = _entries(tree)
    if not isinstance(tree, Tensor) and children(tree) is None:
        raise TypeError(
            "save takes a path and then a model or tree of tensors, got "
            f"{type(tree).__name__}: {tree!r:.60}"
        )
    arrays = {name: _as_array(name, entry.value) for name, entry in entries.items()}
    _write(target, os.fspath(path), _blocks(arrays))


@overload
def load(path: str | os.PathLike[str]) -> dict[str, Tensor]: ...
@overload
def load(path: str | os.PathLike[str], tree: T) -> T: ...
def load(path: str | os.PathLike[str], tree: Any = None) -> Any:
    """Read a safetensors file into `tree`, which is also returned; without one, as a dict.

    Modules, lists and dicts change in place; a bare tensor or tuple is returned anew. The file may
    come from `save` or from any other program, as long as names, shapes and dtypes are the tree's.

    Raises:
        FileNotFoundError: when there is no such file.
        WeightsError: for a file that cannot be read or is damaged, saying how; and when it does not
            fit the tree, listing every entry that is missing, unexpected, or of another shape or
            dtype. Nothing is loaded then.
    """
    name = _checked("load", path)
    found = _read(name)
    if tree is None:
        return {key: wrap(found[key]) for key in sorted(found)}
    entries = _entries(tree)
    if not entries and children(tree) is None:
        raise TypeError(
            f"load takes a path and then a model or tree of tensors, got {type(tree).__name__}"
        )
    _check_fit(name, tree, entries, found)
    return _filled(tree, entries, found)


# What a tree has to store


@dataclass(slots=True)
class _Entry:
    """One thing to store: a tensor or a number, and where it is."""

    place: Place
    value: Any
    rule: ParameterState | None = None
    """The state whose rule this belongs to: a rule is a value, which states share or not."""


def _entries(tree: Any) -> dict[str, _Entry]:
    found: dict[str, _Entry] = {}
    for path, entry in _walk(tree, (), ROOT, set(), False):
        name = format_path(path) or "value"
        if name in found or name == "__metadata__":
            raise WeightsError(f"two entries would have the name {name!r}: rename a key")
        if any("\ud800" <= c <= "\udfff" for c in name):  # half of a pair, no character
            raise WeightsError(f"the name {name!r} is not Unicode text: rename a key")
        found[name] = entry
    return found


def _walk(
    value: Any, path: TreePath, place: Place, seen: set[int], inside: bool
) -> Iterator[tuple[TreePath, _Entry]]:
    """What there is to store, in order; `inside` a module numbers are not stored."""
    if isinstance(value, Tensor):
        yield path, _Entry(place, value)
        return
    if type(value) in _NUMBERS and not inside:
        yield path, _Entry(place, value)
        return
    if isinstance(value, (np.ndarray, np.generic)) and not inside:
        raise TypeError(
            f"{format_path(path) or 'this'} is a NumPy {type(value).__name__}: only tensors and "
            "Python numbers are stored; convert it with flux.asarray(...)"
        )
    parts = children(value)
    if not parts or id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, ParameterState):
        for inner, leaf, _ in iterate(value.rule):
            yield (*path, "rule", *inner), _Entry(Place(value, "rule", inner), leaf, value)
        yield (*path, "frozen"), _Entry(Place(value, "frozen", ()), value.frozen)
        parts = [("state", value.state)]
    branch = is_branch(value)
    for name, part in parts:
        yield from _walk(part, (*path, name), place.child(value, name), seen, inside or branch)


def _as_array(name: str, value: Any) -> Array:
    if not isinstance(value, Tensor):
        try:
            return np.asarray(value, _NUMBERS[type(value)])
        except OverflowError:
            raise WeightsError(f"{name} is {value!r:.40}, which 64 bits do not hold") from None
    if value.dtype.name not in _CODES:
        raise WeightsError(
            f"{name} is {value.dtype}, which safetensors files do not hold: store .real and .imag"
        )
    return value.numpy()


# Writing


def _blocks(arrays: dict[str, Array]) -> list[Any]:
    """The content of a file: the header, then the data of each entry."""
    header: dict[str, Any] = {"__metadata__": {"format": FORMAT}}
    blocks: list[Any] = []
    position = 0
    # Largest elements first: each entry then begins at a multiple of its element's size.
    for name in sorted(arrays, key=lambda n: -arrays[n].dtype.itemsize):
        array = arrays[name]
        block = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        header[name] = {
            "dtype": _CODES[BY_NAME[array.dtype.name].name],
            "shape": list(array.shape),
            "data_offsets": [position, position + len(block)],
        }
        blocks.append(block)
        position += len(block)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return [struct.pack("<Q", len(text)), text, *blocks]


def _write(target: Path, shown: str, blocks: list[Any]) -> None:
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        try:
            with open(temporary, "xb") as file:
                file.writelines(blocks)
                file.flush()
                os.fsync(file.fileno())
            if target.is_file():
                shutil.copymode(target, temporary)
            os.replace(temporary, target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        # The file's own name, not the temporary one's
        raise type(error)(error.errno, error.strerror, shown) from None


# Reading


def _read(path: str) -> dict[str, Array]:
    from safetensors import SafetensorError, deserialize

    try:
        raw = Path(path).read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror or error}") from None
    try:
        stored = deserialize(raw)
    except SafetensorError as error:
        raise WeightsError(
            f"{path} is not a whole safetensors file: {_damage(raw, error)}"
        ) from None
    return {name: _array(path, name, entry) for name, entry in stored}


def _array(path: str, name: str, entry: dict[str, Any]) -> Array:
    if entry["dtype"] not in _NAMES:
        raise WeightsError(
            f"{path}: entry {name} has dtype {entry['dtype']}, which typedflux lacks"
        )
    dtype = BY_NAME[_NAMES[entry["dtype"]]].dtype
    if dtype == np.bool_:  # any byte but zero is true
        return np.ndarray(entry["shape"], np.uint8, entry["data"]).astype(np.bool_)
    return np.ndarray(entry["shape"], dtype, entry["data"]).copy()


def _damage(raw: bytes, error: Exception) -> str:
    """What is wrong with a file, in more words than the reader has where that helps."""
    if not raw:
        return "it is empty"
    for start, kind in ((b"PK", "a zip archive, as PyTorch's"), (b"\x80", "a pickle"),
                        (b"\x89HDF", "an HDF5 file"), (b"\x93NUMPY", "a NumPy array")):  # fmt: skip
        if raw.startswith(start):
            return f"it begins like {kind}"
    length = int.from_bytes(raw[:8], "little")
    if len(raw) < 8 or length > len(raw) - 8:
        return f"its {len(raw)} bytes end before its header does: cut off, or of another format"
    end = _end_of_data(raw[8 : 8 + length])
    if end is not None and end != len(raw) - 8 - length:
        return f"its tensors take {end} bytes, and it has {len(raw) - 8 - length} for them"
    return str(error).removeprefix("Error while deserializing: ")


def _end_of_data(header: bytes) -> int | None:
    """Where the data ends by the header, `None` when that is what is damaged."""
    try:
        entries = json.loads(header).items()
        return max(int(v["data_offsets"][1]) for k, v in entries if k != "__metadata__")
    except (ValueError, TypeError, AttributeError, LookupError):
        return None


# Filling


def _check_fit(
    path: str, tree: Any, entries: dict[str, _Entry],
    found: dict[str, Array],
) -> None:  # fmt: skip
    problems = [f"{n}: missing in the file" for n in entries if n not in found]
    problems += [
        f"{n}: in the file, but not in the tree" for n in sorted(found) if n not in entries
    ]
    for name, entry in entries.items():
        if name not in found:
            continue
        wanted, got = type_of(wrap(_as_array(name, entry.value))), type_of(wrap(found[name]))
        if wanted != got:
            problems.append(f"{name}: wanted {wanted}, got {got}")
    if problems:
        raise WeightsError(
            f"{path} does not fit this {type(tree).__name__}, into which nothing was loaded:\n  "
            + "\n  ".join(problems)
        )


def _filled(tree: Any, entries: dict[str, _Entry], found: dict[str, Array]) -> Any:
    rules: dict[int, tuple[ParameterState, dict[TreePath, Tensor]]] = {}
    loose: dict[TreePath, Any] = {}
    changes: list[tuple[Place, Any]] = []
    for name, entry in entries.items():
        value = wrap(found[name])
        new = value if isinstance(entry.value, Tensor) else value.item()
        if entry.rule is not None:
            rules.setdefault(id(entry.rule), (entry.rule, {}))[1][entry.place.inner] = new
        elif entry.place.owner is None:
            loose[entry.place.inner] = new
        else:
            changes.append((entry.place, new))
    made: dict[Any, Any] = {}
    for state, values in rules.values():
        # States that had one rule have one again if its numbers are still the same for them.
        key = (id(state.rule), *[v.numpy().tobytes() for v in values.values()])
        if key not in made:
            made[key] = (state.rule, replaced(state.rule, values))
        changes.append((Place(state, "rule", ()), made[key][1]))
    put(changes)
    return replaced(tree, loose) if loose else tree


def _checked(function: str, path: Any) -> str:
    try:
        name = os.fspath(path)
    except TypeError:
        raise TypeError(
            f"{function} takes the file's path first, got {type(path).__name__}"
        ) from None
    if not isinstance(name, str):
        raise TypeError(f"{function} takes a path of text, got {name!r:.60}")
    return name
