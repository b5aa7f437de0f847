"""Machine code: linked wherever memory is, divided, kept on disk between processes."""

import ctypes
import gc
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from typedflux.compile.native import engine, store
from typedflux.compile.native.emitter import (
    FLOAT,
    I32,
    I64,
    PTR,
    Function,
    Module,
    Value,
    integers,
    literal,
)
from typedflux.compile.native.engine import Compiled
from typedflux.compile.native.machine import host
from typedflux.compile.native.parts import divided
from typedflux.compile.native.pool import emit_barrier


def adding(number: int) -> str:
    """`i64 add(i64)` that adds a number."""
    return f"define i64 @add(i64 %x) {{ %y = add i64 %x, {number} ret i64 %y }}"


def call(compiled: Compiled, x: int, name: str = "add") -> int:
    return int(compiled.function(name, [ctypes.c_int64], ctypes.c_int64)(x))


class Builder:
    """Gives a text and counts how often it was asked for it."""

    def __init__(self, text: str) -> None:
        self.text, self.asked = text, 0

    def __call__(self) -> str:
        self.asked += 1
        return self.text


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory for entries."""
    here = tmp_path / "entries"
    monkeypatch.setenv("TYPEDFLUX_CACHE", str(here))
    monkeypatch.delenv("TYPEDFLUX_DUMP", raising=False)
    monkeypatch.setattr(store, "_written", None)
    return here


# Compiling and linking


def test_text_that_is_no_program_is_refused() -> None:
    with pytest.raises(RuntimeError, match="parsing error"):
        Compiled("define nonsense")
    with pytest.raises(RuntimeError, match="parsing error"):
        Compiled([adding(1), "define nonsense"])


def test_a_function_that_is_not_there() -> None:
    compiled = Compiled(adding(1))
    with pytest.raises(RuntimeError, match="missing"):
        compiled.address("missing")
    assert call(compiled, 1) == 2


def test_functions_keep_their_code() -> None:
    functions = [
        Compiled(adding(i)).function("add", [ctypes.c_int64], ctypes.c_int64) for i in range(50)
    ]
    gc.collect()
    assert [f(100) for f in functions] == [100 + i for i in range(50)]


def test_functions_of_this_process_are_called_by_name() -> None:
    seen: list[int] = []
    take = ctypes.CFUNCTYPE(None, ctypes.c_int64)(seen.append)
    text = """
    declare void @take(i64)
    define void @give(i64 %x) { call void @take(i64 %x) ret void }
    """
    address = ctypes.cast(take, ctypes.c_void_p).value
    assert address is not None
    compiled = Compiled(text, symbols={"take": address})
    compiled.function("give", [ctypes.c_int64])(5)
    assert seen == [5]
    with pytest.raises(RuntimeError, match="give"):
        Compiled(text).address("give")


def scaling(k: int) -> str:
    """A vector constant, a table that is looked up at run time, a branch on many values, calls of
    the system's functions: whatever the code refers to by address."""
    module = Module()
    numbers = ", ".join(f"i64 {k * i}" for i in range(8))
    module.globals.append(f"@table = internal constant [8 x i64] [{numbers}]")
    f = Function(module, "look", [("p", PTR), ("i", I64)], I64)
    pointer, index = f.parameters
    f.call("sched_yield" if os.name != "nt" else "SwitchToThread", I32)
    vector = f.load(FLOAT.wide(8), pointer)
    steps = f.cast("sitofp", integers("i32", [k + i for i in range(8)]), FLOAT.wide(8))
    f.store(f.mul(vector, steps), pointer)
    f.line(f"switch i64 {index.text}, label %other [")
    for i in range(8):
        f.line(f"  i64 {i * 3}, label %case{i}")
    f.line("]")
    result = f.cell(I64)
    for i in range(8):
        f.label(f"case{i}")
        result.set(literal(I64, i * 17 % 5 + i))
        f.goto("end")
    f.label("other")
    result.set(literal(I64, -1))
    f.goto("end")
    f.label("end")
    found = f.load(I64, Value("@table", PTR), f.modulo(index, 8))
    f.close(f.add(result.get(), found))
    return module.text()


def verify_scaling(compiled: Compiled, k: int) -> None:
    look = compiled.function("look", [ctypes.c_void_p, ctypes.c_int64], ctypes.c_int64)
    for i in range(30):
        x = np.ones(8, np.float32)
        case = i // 3 * 17 % 5 + i // 3 if i % 3 == 0 and i < 24 else -1
        assert look(x.ctypes.data, i) == case + k * (i % 8)
        assert x.tolist() == [k + j for j in range(8)]


def test_code_in_distant_places() -> None:
    between = []
    made = []
    for k in range(24):
        build = Builder(scaling(k % 12))
        made.append(Compiled.load_or_build(f"{k % 12}", build))
        assert build.asked == (k < 12)
        between.append(np.empty(1 << 28, np.uint8))  # never touched: addresses only
    for k, compiled in enumerate(made):
        verify_scaling(compiled, k % 12)


# Divided modules


def large(functions: int) -> Module:
    """Functions that call the next one, one private function, one barrier."""
    module = Module()
    for i in range(functions):
        f = Function(module, f"f{i}", [("x", I64)], I64)
        x = f.parameters[0]
        for _ in range(400):
            x = f.add(f.binary("xor", x, literal(I64, i)), f.parameters[0])
        if i + 1 < functions:
            x = f.emit(I64, f"call i64 @f{i + 1}(i64 {x.text})")
        x = f.emit(I64, f"call i64 @half(i64 {x.text})")
        emit_barrier(f, Value("null", PTR), literal(I64, 1))
        f.close(x)
    module.globals.append("@two = internal constant i64 2")
    module.functions.append(
        "define internal i64 @half(i64 %x) {\n  %t = load i64, ptr @two\n"
        "  %y = udiv i64 %x, %t\n  ret i64 %y\n}"
    )
    return module


def test_a_divided_module_is_the_same_program() -> None:
    module = large(6)
    whole = Compiled(module.text())
    for parts in (1, 2, 100):
        texts = divided(module, parts)
        assert len(texts) <= parts
        assert parts < 2 or len(texts) > 1
        together = Compiled(texts)
        for i in range(6):
            assert call(together, 12345, f"f{i}") == call(whole, 12345, f"f{i}")


def test_a_short_module_stays_whole() -> None:
    assert len(divided(large(1), 8)) == 1


# On disk


def entries(cache: Path) -> list[Path]:
    return sorted(cache.iterdir()) if cache.exists() else []


def test_a_hit_builds_nothing(cache: Path) -> None:
    build = Builder(adding(1))
    for _ in range(3):
        assert call(Compiled.load_or_build("key", build), 1) == 2
    assert build.asked == 1
    assert len(entries(cache)) == 1


def test_several_texts_are_one_entry(cache: Path) -> None:
    texts = divided(large(8), 3)
    assert len(texts) == 3
    made = Compiled.load_or_build("key", lambda: texts)
    found = Compiled.load_or_build("key", lambda: pytest.fail("built again"))
    assert call(found, 99, "f0") == call(made, 99, "f0")
    assert len(entries(cache)) == 1


def test_another_key_machine_or_compiler_misses(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = Builder(adding(1))
    Compiled.load_or_build("key", build)
    Compiled.load_or_build("other", build)
    assert build.asked == 2
    Compiled.load_or_build("key", build, replace(host(), vector_bits=128))
    assert build.asked == 3
    monkeypatch.setattr(engine, "_compiler", lambda: b"another version")
    Compiled.load_or_build("key", build)
    assert build.asked == 4
    assert len(entries(cache)) == 4


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flipped(content: bytes) -> bytes:
    return content[:-9] + bytes([content[-9] ^ 1]) + content[-8:]


def longer(content: bytes) -> bytes:
    return content + b"\0"


def headless(content: bytes) -> bytes:
    return content[3:]


def other_payload(_: bytes) -> bytes:
    payload = b"\x05\0\0\0\0\0\0\0 whole, but no object code"
    return store._MAGIC + store._sum(payload) + payload


@pytest.mark.parametrize(
    "harm",
    [cut, flipped, longer, headless, other_payload, lambda _: b""],
    ids=["cut", "flipped", "longer", "headless", "other payload", "empty"],
)
def test_a_harmed_entry_is_built_again(cache: Path, harm: Callable[[bytes], bytes]) -> None:
    build = Builder(adding(1))
    Compiled.load_or_build("key", build)
    (entry,) = entries(cache)
    content = entry.read_bytes()
    entry.write_bytes(harm(content))
    assert call(Compiled.load_or_build("key", build), 1) == 2
    assert build.asked == 2
    assert entry.read_bytes() == content


def test_an_entry_that_cannot_be_read_or_written(cache: Path) -> None:
    build = Builder(adding(1))
    Compiled.load_or_build("key", build)
    (entry,) = entries(cache)
    entry.unlink()
    entry.mkdir()
    assert call(Compiled.load_or_build("key", build), 1) == 2
    assert build.asked == 2
    assert entries(cache) == [entry]


def test_a_directory_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("not a directory")
    monkeypatch.setenv("TYPEDFLUX_CACHE", str(tmp_path / "file" / "entries"))
    build = Builder(adding(1))
    for _ in range(2):
        assert call(Compiled.load_or_build("key", build), 1) == 2
    assert build.asked == 2


def test_nothing_is_kept_when_off(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TYPEDFLUX_CACHE", "off")
    build = Builder(adding(1))
    for _ in range(2):
        Compiled.load_or_build("key", build)
    assert build.asked == 2
    assert entries(cache) == []


def test_where_entries_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TYPEDFLUX_CACHE")
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert store.directory() == tmp_path / "typedflux"
    monkeypatch.setenv("XDG_CACHE_HOME", "not/absolute")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    assert store.directory() == tmp_path / "home" / ".cache" / "typedflux"
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert store.directory() == tmp_path / "local" / "typedflux"


def test_what_was_used_longest_ago_goes_first(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MOST_BYTES", 3500)
    for i in range(3):
        store.write(f"entry{i}", bytes(1000))
        os.utime(cache / f"entry{i}.object", (1000 + i, 1000 + i))
    unfinished = cache / ".unfinished.object"
    unfinished.write_bytes(bytes(100))
    os.utime(unfinished, (1000, 1000))
    assert store.read("entry0") == bytes(1000)  # and is the latest now
    store.write("entry3", bytes(1000))
    assert [store.read(f"entry{i}") is not None for i in range(4)] == [True, False, True, True]
    assert not unfinished.exists()


RACING = """
import ctypes
from tests.compile.test_engine import *
engine._compiler = lambda: b"this one"
for key in range(10):
    compiled = Compiled.load_or_build(str(key), lambda: adding(key))
    assert call(compiled, 1) == 1 + key
"""


def test_processes_that_race(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_compiler", lambda: b"this one")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    running = [
        subprocess.Popen([sys.executable, "-W", "error", "-c", RACING], env=environment)
        for _ in range(3)
    ]
    assert [process.wait(100) for process in running] == [0] * 3
    assert len(entries(cache)) == 10
    for key in range(10):
        found = Compiled.load_or_build(str(key), lambda: pytest.fail("built again"))
        assert call(found, 1) == 1 + key


def test_text_and_assembly_are_written_on_demand(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TYPEDFLUX_DUMP", str(tmp_path / "dump"))
    build = Builder(adding(1))
    for _ in range(2):
        Compiled.load_or_build("key", build, name="adding")
    assert build.asked == 2  # or there would be nothing to write
    files = sorted((tmp_path / "dump").iterdir())
    stem = files[0].name.removesuffix(".ll")
    assert stem.startswith("adding-")
    assert [f.name for f in files] == [f"{stem}{end}" for end in (".ll", ".s", ".simple.ll")]
    assert files[0].read_text() == adding(1)
    assert all("add" in f.read_text() for f in files)
