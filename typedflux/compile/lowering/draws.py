"""Kernels of the random generator: the same words of Philox4x64-10 as its numpy kernels draw.

A generator's state is a key of two words, the number of draws so far, which is the stream, and the
depth of splitting. Block `b` of a stream is the cipher of the counter `(b + 1, stream, 0, depth)`:
four words. Floats are the upper bits of a word, or of half of one, so results are the same to the
last bit. Threads share the blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from typedflux.compile.lowering.analysis import Node
from typedflux.compile.lowering.frame import Frame
from typedflux.compile.lowering.grouping import Group
from typedflux.compile.lowering.views import Buffer, View
from typedflux.compile.native.emitter import DOUBLE, FLOAT, I32, I64, Index, Type, Value, literal
from typedflux.compile.native.machine import Machine
from typedflux.core.graph import Equation
from typedflux.dtypes import DType
from typedflux.shapes.dims import Dimension, product

_FACTORS = (0xD2E7470EE14C6C93, 0xCA5A826395121157)
_STEPS = (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)
_ROUNDS = 10
_SPLIT_STREAM = 1 << 63


def is_drawn(equation: Equation, operands: Sequence[View], result: DType) -> bool:
    """Whether there is code for an operation on a generator's state."""
    name = equation.primitive.name
    if name == "advance_generator":
        return True
    if len(operands[0].shape) != 1:
        return False
    if name == "random":
        wanted = {"uniform": ("float32", "float64"), "bits": ("uint64",)}
        return result.name in wanted.get(equation.params["kind"], ())
    return name == "split_generator"


class DrawKernel:
    """The kernel of one such operation."""

    stages = 1
    alone = False

    def __init__(self, group: Group, stored: Sequence[Buffer], machine: Machine) -> None:
        node: Node = group.nodes[0]
        self.name = node.equation.primitive.name
        self.state, self.result = node.operands[0], node.outputs[0]
        self.alone = self.name != "random"

    def scratch_bytes(self, at: Callable[[Dimension], int], threads: int) -> int:
        """None."""
        return 0

    def emit(self, stage: int, frame: Frame, scratch: Buffer) -> None:
        """Write the function."""
        self.frame, self.f = frame, frame.function
        if self.name == "random":
            self._draw()
        else:
            with self.f.when(self.f.compare("eq", frame.thread, literal(I64, 0))):
                if self.name == "advance_generator":
                    self._advance()
                else:
                    self._split()
        frame.function.close()

    def _word(self, number: int) -> Value:
        """A word of the state."""
        place = self.frame.address([(number, self.state.strides[0])], self.state.offset)
        return self.f.load(I64, self.frame.pointer(self.state.buffer), place)

    # The cipher

    def _block(self, number: Index, stream: Value, words: Sequence[Value]) -> list[Value]:
        """The four words of a block. `words` are those of the state."""
        f = self.f
        counter = [f.index(f.plus(number, 1)), stream, literal(I64, 0), words[3]]
        key = list(words[:2])
        for round in range(_ROUNDS):
            if round:
                key = [f.add(k, _constant(s)) for k, s in zip(key, _STEPS, strict=True)]
            high0, low0 = self._product(counter[0], _FACTORS[0])
            high1, low1 = self._product(counter[2], _FACTORS[1])
            counter = [
                f.binary("xor", f.binary("xor", high1, counter[1]), key[0]),
                low1,
                f.binary("xor", f.binary("xor", high0, counter[3]), key[1]),
                low0,
            ]
        return counter

    def _product(self, a: Value, factor: int) -> tuple[Value, Value]:
        """The upper and the lower word of a product."""
        f, wide = self.f, Type("i128")
        whole = f.binary("mul", f.cast("zext", a, wide), Value(str(factor), wide))
        high = f.cast("trunc", f.binary("lshr", whole, Value("64", wide)), I64)
        return high, f.cast("trunc", whole, I64)

    # Operations

    def _draw(self) -> None:
        f, frame = self.f, self.frame
        words = [self._word(i) for i in range(4)]
        name = self.result.dtype.name
        lanes = 8 if name == "float32" else 4
        count = frame.size(product(self.result.shape))
        write = frame.pointer(self.result.buffer)
        start, stop = frame.share(f.over(f.plus(count, lanes - 1), lanes))
        with f.loop(start, stop) as number:
            made = self._numbers(self._block(number, words[2], words), name)
            first = f.times(number, lanes)
            rest = f.minus(count, first)
            is_whole = f.compare("sge", f.index(rest), literal(I64, lanes))
            with f.when(is_whole):
                f.store(made, write, first)
            with f.when(f.compare("slt", f.index(rest), literal(I64, lanes))):
                f.store_some(made, write, first, f.first_lanes(rest, lanes))

    def _numbers(self, block: Sequence[Value], name: str) -> Value:
        """The numbers that a block becomes."""
        f, type = self.f, I64.wide(4)
        made = Value("poison", type)
        for lane, word in enumerate(block):
            made = f.emit(type, f"insertelement {type} {made.text}, i64 {word.text}, i64 {lane}")
        if name == "uint64":
            return made
        if name == "float64":
            bits = f.binary("lshr", made, literal(type, 11))
            floats, scale = DOUBLE.wide(4), 2.0**-53
        else:
            halves = f.cast("bitcast", made, I32.wide(8))
            bits = f.binary("lshr", halves, literal(halves.type, 8))
            floats, scale = FLOAT.wide(8), 2.0**-24
        return f.mul(f.cast("uitofp", bits, floats), literal(floats, scale))

    def _advance(self) -> None:
        """The number of draws grows by one, in each state that there is."""
        f, frame, shape = self.f, self.frame, self.state.shape
        read, write = (frame.pointer(v.buffer) for v in (self.state, self.result))
        with f.loop(0, frame.size(product(shape[:-1]))) as row:
            terms: list[tuple[Index, Dimension]] = []
            number: Index = row
            for axis in reversed(range(len(shape) - 1)):
                size = frame.size(shape[axis])
                terms.append((f.modulo(number, size), self.state.strides[axis]))
                number = f.over(number, size)
            for i in range(4):
                place = frame.address([*terms, (i, self.state.strides[-1])], self.state.offset)
                word = f.load(I64, read, place)
                if i == 2:
                    word = f.add(word, literal(I64, 1))
                f.store(word, write, f.plus(f.times(row, 4), i))

    def _split(self) -> None:
        """Keys from a stream that no draw reaches."""
        f, frame = self.f, self.frame
        words = [self._word(i) for i in range(4)]
        stream = f.binary("or", words[2], _constant(_SPLIT_STREAM))
        depth = f.add(words[3], literal(I64, 1))
        count = frame.size(self.result.shape[0])
        write = frame.pointer(self.result.buffer)
        with f.loop(0, f.over(f.plus(count, 1), 2)) as number:
            block = self._block(number, stream, words)
            for half in range(2):
                row = f.plus(f.times(number, 2), half)
                with f.when(f.compare("slt", f.index(row), f.index(count))):
                    made = [*block[2 * half : 2 * half + 2], literal(I64, 0), depth]
                    for i, word in enumerate(made):
                        f.store(word, write, f.plus(f.times(row, 4), i))


def _constant(number: int) -> Value:
    return literal(I64, number - (1 << 64) if number >> 63 else number)
