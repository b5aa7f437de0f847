"""Results too small for a normal number become zero while compiled code runs.

CPUs take a hundred times longer for an operation on subnormal numbers, and an optimiser's averages
of gradients that vanish end among them: steps became three times slower as training went well.
Values that are given are read as they are. `TYPEDFLUX_SUBNORMALS=keep` leaves the CPU as it is.
"""

from __future__ import annotations

import os
import platform

from typedflux.compile.native.emitter import I32, I64, PTR, Function, Value, literal

_X86 = ("x86_64", "amd64")
_ARM = ("aarch64", "arm64")
_FLUSH_X86 = 1 << 15
_FLUSH_ARM = 1 << 24


def are_kept() -> bool:
    """Whether code that is compiled now keeps subnormal results."""
    return os.environ.get("TYPEDFLUX_SUBNORMALS") == "keep"


def flush_subnormals(f: Function) -> Value | None:
    """Ask for it on this thread; what the CPU's settings were before, for `restore`."""
    processor = platform.machine().lower()
    if are_kept():
        return None
    if processor in _X86:
        f.module.declarations.add("declare void @llvm.x86.sse.stmxcsr(ptr)")
        f.module.declarations.add("declare void @llvm.x86.sse.ldmxcsr(ptr)")
        place = Value(f.cell(I32).address, PTR)
        f.line(f"call void @llvm.x86.sse.stmxcsr(ptr {place.text})")
        before = f.load(I32, place)
        f.store(f.binary("or", before, literal(I32, _FLUSH_X86)), place)
        f.line(f"call void @llvm.x86.sse.ldmxcsr(ptr {place.text})")
        f.store(before, place)
        return place
    if processor in _ARM:
        f.module.declarations.add("declare i64 @llvm.aarch64.get.fpcr()")
        f.module.declarations.add("declare void @llvm.aarch64.set.fpcr(i64)")
        before = f.emit(I64, "call i64 @llvm.aarch64.get.fpcr()")
        after = f.binary("or", before, literal(I64, _FLUSH_ARM))
        f.line(f"call void @llvm.aarch64.set.fpcr(i64 {after.text})")
        return before
    return None


def restore(f: Function, before: Value | None) -> None:
    """Leave the CPU's settings as they were."""
    if before is None:
        return
    if before.type == PTR:
        f.line(f"call void @llvm.x86.sse.ldmxcsr(ptr {before.text})")
    else:
        f.line(f"call void @llvm.aarch64.set.fpcr(i64 {before.text})")
