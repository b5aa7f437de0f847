"""Machine code from LLVM's language, and from the disk where it was made before.

Text is compiled to object code, and object code is linked into the process; both ways, from text
and from the disk, link the same bytes. Object code knows no addresses of this process: what it
calls (the system's functions, `symbols`) is found by name, and data is passed in.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import itertools
import os
import struct
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import llvmlite
import llvmlite.binding as llvm
from llvmlite.binding import ffi

from typedflux.compile.native import store
from typedflux.compile.native.machine import Machine, host

Texts: TypeAlias = "str | Sequence[str]"
"""A module, or several that may call each other's functions and are compiled at the same time."""

_numbers = itertools.count()


class Compiled:
    """Compiled functions, which live as long as this does.

    >>> text = "define i64 @twice(i64 %x) { %y = add i64 %x, %x ret i64 %y }"
    >>> compiled = Compiled(text)
    >>> compiled.function("twice", [ctypes.c_int64], ctypes.c_int64)(21)
    42

    Args:
        text: a module in LLVM's language, or several.
        machine: what to compile for, this process's host unless given.
        symbols: addresses of functions that the text declares and the system does not have.
        name: what files are called that `TYPEDFLUX_DUMP` asks for. That environment variable names
            a directory to write each module to: as given (`.ll`), simplified (`.simple.ll`) and in
            the machine's language (`.s`).

    Raises:
        RuntimeError: LLVM does not accept the text.
    """

    def __init__(
        self,
        text: Texts,
        machine: Machine | None = None,
        *,
        symbols: Mapping[str, int] | None = None,
        name: str = "module",
    ) -> None:
        target = host() if machine is None else machine
        self._link(_objects(text, target, name), symbols)

    @classmethod
    def load_or_build(
        cls,
        key: str,
        build: Callable[[], Texts],
        machine: Machine | None = None,
        *,
        symbols: Mapping[str, int] | None = None,
        name: str = "module",
    ) -> Compiled:
        """What another process compiled under this key, else `build` and compile it.

        The key says all that the text depends on but the machine, the compiler's sources and
        LLVM's version, which are part of the entry's name anyway. See `store` for where entries
        are. With `TYPEDFLUX_DUMP` set, everything is built.

        >>> text = "define i64 @next(i64 %x) { %y = add i64 %x, 1 ret i64 %y }"
        >>> compiled = Compiled.load_or_build("next of i64", lambda: text)
        >>> compiled.function("next", [ctypes.c_int64], ctypes.c_int64)(41)
        42
        """
        target = host() if machine is None else machine
        if not os.environ.get("TYPEDFLUX_DUMP"):
            found = cls.load(key, target, symbols=symbols)
            if found is not None:
                return found
        objects = _objects(build(), target, name)
        compiled = cls.__new__(cls)
        compiled._link(objects, symbols)
        store.write(digest_of(key, target), _packed(objects))
        return compiled

    @classmethod
    def load(
        cls, key: str, machine: Machine, *, symbols: Mapping[str, int] | None = None
    ) -> Compiled | None:
        """What was compiled under this key, `None` if that is not on the disk."""
        kept = store.read(digest_of(key, machine))
        if kept is None:
            return None
        compiled = cls.__new__(cls)
        try:
            compiled._link(_unpacked(kept), symbols)
        except (RuntimeError, struct.error):  # whole, and yet no object code
            return None
        return compiled

    def _link(self, objects: Sequence[bytes], symbols: Mapping[str, int] | None) -> None:
        builder = llvm.JITLibraryBuilder()
        for code in objects:
            builder.add_object_img(code)
        for name, address in (symbols or {}).items():
            builder.import_symbol(name, address)
        builder.add_current_process()
        self._name = f"typedflux{next(_numbers)}"
        self._linker = _linker()
        self._library = builder.link(self._linker, self._name)
        self._found: dict[str, Any] = {}

    def address(self, name: str) -> int:
        """Where the function is.

        Raises:
            RuntimeError: there is none, or something that the code calls is nowhere.
        """
        if name not in self._found:
            self._found[name] = self._linker.lookup(self._name, name)
        return int(self._found[name][name])

    def function(self, name: str, types: Sequence[Any], returns: Any = None) -> Any:
        """The function for Python, with `ctypes` types. The GIL is released during a call."""
        call: Any = ctypes.CFUNCTYPE(returns, *types)(self.address(name))
        call.owner = self  # keeps the code in memory
        return call


# From text to object code


@functools.cache
def _target() -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple()


def _target_machine(target: Any, machine: Machine) -> Any:
    # Position independent and small: the linker puts an object's parts near each other, and makes
    # stubs for what is far.
    return target.create_target_machine(
        cpu=machine.cpu,
        features=machine.features,
        opt=3,
        reloc="pic",
        codemodel="small",
        jit=True,
    )


def _objects(text: Texts, machine: Machine, name: str) -> list[bytes]:
    """Each module's object code; several are compiled by as many threads."""
    texts = [text] if isinstance(text, str) else list(text)
    target = _target()  # made before threads ask for it
    objects: list[bytes] = [b""] * len(texts)
    failures: list[BaseException] = []

    def compile_one(i: int) -> None:
        try:
            objects[i] = _object(target, texts[i], machine, name)
        except BaseException as failure:  # raised below, where it is waited for
            failures.append(failure)

    threads = [threading.Thread(target=compile_one, args=(i,)) for i in range(1, len(texts))]
    for thread in threads:
        thread.start()
    compile_one(0)
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return objects


def _object(target: Any, text: str, machine: Machine, name: str) -> bytes:
    # A context of its own for each module, and with it nothing that threads would share.
    context = llvm.create_context()
    generator = _target_machine(target, machine)
    module = llvm.parse_assembly(text, context)
    module.verify()
    _simplify(module, generator)
    wanted = os.environ.get("TYPEDFLUX_DUMP")
    if wanted:
        _dump(Path(wanted), name, text, module, generator)
    return _emitted(module, generator)


def _unlocked(name: str) -> Any:
    """A function of LLVM's, without the lock that llvmlite holds around every call.

    Compiling is nearly all of the time spent, and modules of different contexts can be compiled at
    once. Where llvmlite has no such function in it, its own is as good, but one waits for another.
    """
    function = getattr(ffi.lib, name)
    return getattr(function, "_cfn", function)


def _simplify(module: Any, target: Any) -> None:
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    builder = llvm.create_pass_builder(target, options)
    passes = llvm.create_new_module_pass_manager()
    passes.add_sroa_pass()
    passes.add_simplify_cfg_pass()  # before the dearer pass: less is left to look at
    passes.add_instruction_combine_pass()
    passes.add_simplify_cfg_pass()
    _unlocked("LLVMPY_RunNewModulePassManager")(passes, module, builder)


def _emitted(module: Any, target: Any) -> bytes:
    with ffi.OutputString() as message:
        buffer = _unlocked("LLVMPY_TargetMachineEmitToMemory")(target, module, 1, message)
        if not buffer:
            raise RuntimeError(str(message))
    try:
        size = ffi.lib.LLVMPY_GetBufferSize(buffer)
        return ctypes.string_at(ffi.lib.LLVMPY_GetBufferStart(buffer), size)
    finally:
        ffi.lib.LLVMPY_DisposeMemoryBuffer(buffer)


def _dump(directory: Path, name: str, text: str, module: Any, target: Any) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    stem = f"{name}-{hashlib.blake2b(text.encode(), digest_size=5).hexdigest()}"
    (directory / f"{stem}.ll").write_text(text)
    (directory / f"{stem}.simple.ll").write_text(str(module))
    (directory / f"{stem}.s").write_text(target.emit_assembly(module))


# From object code to functions


@functools.cache
def _linker() -> Any:
    # Windows' object format is left to LLVM's older linker.
    target = _target_machine(_target(), host())
    linked = sys.platform != "win32"
    return llvm.create_lljit_compiler(target, use_jit_link=linked, suppress_errors=True)


# Entries on the disk

_SOURCES = ("compile", "core", "ops", "shapes", "control", "autodiff", ".")
"""Where what decides about code is, `.` without what is below it."""


@functools.cache
def _compiler() -> bytes:
    """A digest of all that makes code of a key."""
    digest = hashlib.blake2b(digest_size=20)
    version = (llvmlite.__version__, llvm.llvm_version_info, llvm.get_process_triple())
    digest.update(repr(version).encode())
    package = Path(__file__).parents[2]
    for directory in _SOURCES:
        pattern = "*.py" if directory == "." else "**/*.py"
        for source in sorted((package / directory).glob(pattern)):
            digest.update(source.read_bytes())
    return digest.digest()


def digest_of(key: str, machine: Machine) -> str:
    """The name of an entry for this machine, made by these sources."""
    digest = hashlib.blake2b(_compiler(), digest_size=20)
    digest.update(repr(machine).encode())
    digest.update(key.encode())
    return digest.hexdigest()


def _packed(objects: Sequence[bytes]) -> bytes:
    sizes = [len(code) for code in objects]
    return struct.pack(f"<Q{len(sizes)}Q", len(sizes), *sizes) + b"".join(objects)


def _unpacked(payload: bytes) -> list[bytes]:
    (count,) = struct.unpack_from("<Q", payload)
    at, objects = 8 * (count + 1), []
    for size in struct.unpack_from(f"<{count}Q", payload, 8):
        objects.append(payload[at : at + size])
        at += size
    return objects
