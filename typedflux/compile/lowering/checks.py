"""The kernel of `halt_unless_finite`: it sets the program's flag, and the interpreter raises."""

from __future__ import annotations

from collections.abc import Callable

from typedflux.compile.lowering.analysis import Node
from typedflux.compile.lowering.frame import Frame
from typedflux.compile.lowering.grouping import Group
from typedflux.compile.lowering.views import Buffer
from typedflux.compile.native import expressions
from typedflux.compile.native.emitter import I64, literal
from typedflux.dtypes import bool_
from typedflux.shapes.dims import Dimension


class CheckKernel:
    """Copies a scalar, and sets the flag where it is not finite."""

    stages = 1
    alone = True

    def __init__(self, group: Group, flag: Buffer) -> None:
        self.node: Node = group.nodes[0]
        self.flag = flag

    def scratch_bytes(self, at: Callable[[Dimension], int], threads: int) -> int:
        """None."""
        return 0

    def emit(self, stage: int, frame: Frame, scratch: Buffer) -> None:
        """Write the function."""
        f, source, result = frame.function, self.node.operands[0], self.node.outputs[0]
        with f.when(f.compare("eq", frame.thread, literal(I64, 0))):
            place = frame.size(source.offset)
            value = expressions.load(f, source.dtype, 0, frame.pointer(source.buffer), place, None)
            good = expressions.express(f, "isfinite", [value], [source.dtype], bool_, {})
            with f.when(f.compare("eq", good, literal(good.type, 0))):
                f.store(literal(I64, 1), frame.pointer(self.flag))
            expressions.store(f, source.dtype, value, frame.pointer(result.buffer), 0, None)
        frame.function.close()
