"""Machine code from LLVM's language."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Sequence
from typing import Any

import llvmlite.binding as llvm

from typedflux.compile.native.machine import Machine, host


@functools.cache
def _target() -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple()


def _target_machine(machine: Machine) -> Any:
    # a new one for each engine, which owns it and ends it with itself
    return _target().create_target_machine(
        cpu=machine.cpu, features=machine.features, opt=3, codemodel="jitdefault", jit=True
    )


class Compiled:
    """Compiled functions, which live as long as this does."""

    def __init__(self, text: str, machine: Machine | None = None) -> None:
        target = _target_machine(host() if machine is None else machine)
        module = llvm.parse_assembly(text)
        module.verify()
        _simplify(module, target)
        self._engine = llvm.create_mcjit_compiler(module, target)
        self._engine.finalize_object()

    def address(self, name: str) -> int:
        """Where the function is."""
        return int(self._engine.get_function_address(name))

    def function(self, name: str, types: Sequence[Any], returns: Any = None) -> Any:
        """The function for Python, with `ctypes` types. The GIL is released during a call."""
        call: Any = ctypes.CFUNCTYPE(returns, *types)(self.address(name))
        call.owner = self  # keeps the code in memory
        return call


def _simplify(module: Any, target: Any) -> None:
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    builder = llvm.create_pass_builder(target, options)
    passes = llvm.create_new_module_pass_manager()
    passes.add_sroa_pass()
    passes.add_instruction_combine_pass()
    passes.add_simplify_cfg_pass()
    passes.add_loop_rotate_pass()
    passes.run(module, builder)
