"""A builder of functions in LLVM's textual language, small and quick.

A `Value` is a name in the program with its type. Integer arithmetic on sizes and indices takes
Python ints as well as values and folds what is known, so a generator is written once for literal
and for symbolic sizes. Vectors are values of type `<16 x float>`; most instructions take scalars
and vectors alike.

Variables that change are `Cell`s (stack slots, which LLVM's SROA pass turns into registers), so
loops need no phi nodes by hand.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

_BITS = {"float": 32, "double": 64, "half": 16, "bfloat": 16, "ptr": 64}


@dataclass(frozen=True, slots=True)
class Type:
    """A scalar (`lanes` is 0) or a vector of `lanes` scalars, named as LLVM does."""

    scalar: str
    lanes: int = 0

    def __str__(self) -> str:
        return f"<{self.lanes} x {self.scalar}>" if self.lanes else self.scalar

    @property
    def suffix(self) -> str:
        """As the names of LLVM's overloaded intrinsics end: `v16f32`."""
        return (f"v{self.lanes}" if self.lanes else "") + _SHORT.get(self.scalar, self.scalar)

    @property
    def is_float(self) -> bool:
        """Whether the scalar is a floating one."""
        return self.scalar in ("float", "double", "half", "bfloat")

    @property
    def bits(self) -> int:
        """Bits of the scalar."""
        return _BITS[self.scalar] if self.scalar in _BITS else int(self.scalar[1:])

    def of(self, scalar: str) -> Type:
        """As many lanes of another scalar."""
        return Type(scalar, self.lanes)

    def wide(self, lanes: int) -> Type:
        """The same scalar in another number of lanes."""
        return Type(self.scalar, lanes)


_SHORT = {"float": "f32", "double": "f64", "half": "f16", "bfloat": "bf16", "ptr": "p0"}

FLOAT = Type("float")
DOUBLE = Type("double")
I1 = Type("i1")
I8 = Type("i8")
I16 = Type("i16")
I32 = Type("i32")
I64 = Type("i64")
PTR = Type("ptr")
VOID = Type("void")


@dataclass(frozen=True, slots=True)
class Value:
    """Something that a function has computed, a parameter, or a constant."""

    text: str
    type: Type


Index: TypeAlias = "int | Value"
"""A size or an index: known while generating, or an `i64`."""


def literal(type: Type, number: float | int | bool) -> Value:
    """A constant; of a vector type, in every lane.

    >>> literal(FLOAT, 0.1).text
    '0x3FB99999A0000000'
    >>> literal(Type("i32", 2), 7).text
    '<i32 7, i32 7>'
    """
    scalar = type.scalar
    if scalar == "i1":
        text = "true" if number else "false"
    elif scalar == "float":
        text = _hexadecimal(_rounded(float(number), "f"))
    elif scalar == "double":
        text = _hexadecimal(float(number))
    elif scalar == "half":
        text = f"0xH{struct.unpack('<H', struct.pack('<e', float(number)))[0]:04X}"
    else:
        text = str(int(number))
    if type.lanes:
        text = f"<{', '.join([f'{scalar} {text}'] * type.lanes)}>"
    return Value(text, type)


def _rounded(number: float, format: str) -> float:
    try:
        return float(struct.unpack(format, struct.pack(format, number))[0])
    except OverflowError:  # beyond the largest: rounds to infinity
        return float("inf") if number > 0 else float("-inf")


def _hexadecimal(number: float) -> str:
    return f"0x{struct.unpack('<Q', struct.pack('<d', number))[0]:016X}"


def integers(scalar: str, numbers: Sequence[int]) -> Value:
    """A constant vector of integers."""
    return Value(f"<{', '.join(f'{scalar} {n}' for n in numbers)}>", Type(scalar, len(numbers)))


class Module:
    """Functions that are compiled together."""

    def __init__(self) -> None:
        self.functions: list[str] = []
        self.declarations: set[str] = set()
        self.globals: list[str] = []

    def text(self, vector_bits: int = 512, triple: str = "") -> str:
        """The module as LLVM reads it."""
        head = [f'target triple = "{triple}"'] if triple else []
        attributes = f'attributes #0 = {{ nounwind "prefer-vector-width"="{vector_bits}" }}'
        parts = [*head, *self.globals, *sorted(self.declarations), *self.functions, attributes]
        return "\n".join(parts) + "\n"


class Cell:
    """A variable of the function under construction."""

    __slots__ = ("_function", "address", "type")

    def __init__(self, function: Function, type: Type, address: str) -> None:
        self._function = function
        self.type = type
        self.address = address

    def get(self) -> Value:
        """Its value here."""
        f = self._function
        return f.emit(self.type, f"load {self.type}, ptr {self.address}")

    def set(self, value: Value) -> None:
        """Give it another value."""
        self._function.line(f"store {self.type} {value.text}, ptr {self.address}")


class Function:
    """A function under construction in a module; `close` ends it.

    >>> module = Module()
    >>> f = Function(module, "double_all", [("x", PTR), ("n", I64)])
    >>> x, n = f.parameters
    >>> with f.loop(0, n) as i:
    ...     f.store(f.add(v := f.load(FLOAT, x, i), v), x, i)
    >>> f.close()
    >>> "fadd" in module.text()
    True
    """

    def __init__(
        self,
        module: Module,
        name: str,
        parameters: Sequence[tuple[str, Type]],
        returns: Type = VOID,
        attributes: str = "",
    ) -> None:
        self.module = module
        self.name = name
        self.returns = returns
        self.parameters = [Value(f"%{n}", t) for n, t in parameters]
        self._signature = ", ".join(f"{t} %{n}" for n, t in parameters)
        self._attributes = attributes
        self._lines: list[str] = []
        self._slots: list[str] = []
        self._count = 0
        self._block = "entry"
        self._firsts: dict[str, int] = {}
        """Masks of a known number of first lanes."""

    # Lines

    def fresh(self, prefix: str = "v") -> str:
        """A name not yet in use."""
        self._count += 1
        return f"{prefix}{self._count}"

    def line(self, text: str) -> None:
        """An instruction without a result."""
        self._lines.append(f"  {text}")

    def emit(self, type: Type, text: str) -> Value:
        """An instruction with a result."""
        self._count += 1
        name = f"%v{self._count}"
        self._lines.append(f"  {name} = {text}")
        return Value(name, type)

    def at_entry(self, type: Type, text: str) -> Value:
        """An instruction at the head of the function, from parameters alone: known everywhere."""
        name = f"%{self.fresh('e')}"
        self._slots.append(f"  {name} = {text}")
        return Value(name, type)

    def call(self, name: str, returns: Type, *arguments: Value, flags: str = "") -> Value:
        """Call another function or an intrinsic, declared as its arguments are typed."""
        types = ", ".join(str(a.type) for a in arguments)
        self.module.declarations.add(f"declare {returns} @{name}({types})")
        given = ", ".join(f"{a.type} {a.text}" for a in arguments)
        text = f"call {flags + ' ' if flags else ''}{returns} @{name}({given})"
        if returns == VOID:
            self.line(text)
            return Value("", VOID)
        return self.emit(returns, text)

    def intrinsic(self, name: str, *operands: Value, flags: str = "") -> Value:
        """`llvm.NAME` on operands of one type, which is the result's too."""
        type = operands[0].type
        return self.call(f"llvm.{name}.{type.suffix}", type, *operands, flags=flags)

    def close(self, result: Value | None = None) -> None:
        """End the function and put it in the module."""
        self.line("ret void" if result is None else f"ret {self.returns} {result.text}")
        head = f"define {self.returns} @{self.name}({self._signature}) {self._attributes} #0 {{"
        body = "\n".join(["entry:", *self._slots, *self._lines])
        self.module.functions.append(f"{head}\n{body}\n}}")

    # Sizes and indices: i64, folded where known

    def index(self, value: Index) -> Value:
        """A size or an index as a value."""
        return literal(I64, value) if isinstance(value, int) else value

    def plus(self, a: Index, b: Index) -> Index:
        """`a + b` of indices."""
        if isinstance(a, int) and isinstance(b, int):
            return a + b
        if a == 0:
            return b
        if b == 0:
            return a
        return self.emit(I64, f"add nsw i64 {_text(a)}, {_text(b)}")

    def minus(self, a: Index, b: Index) -> Index:
        """`a - b` of indices."""
        if isinstance(a, int) and isinstance(b, int):
            return a - b
        return a if b == 0 else self.emit(I64, f"sub nsw i64 {_text(a)}, {_text(b)}")

    def times(self, a: Index, b: Index) -> Index:
        """`a * b` of indices."""
        if isinstance(a, int) and isinstance(b, int):
            return a * b
        if a == 0 or b == 0:
            return 0
        if a == 1:
            return b
        if b == 1:
            return a
        return self.emit(I64, f"mul nsw i64 {_text(a)}, {_text(b)}")

    def over(self, a: Index, b: Index) -> Index:
        """`a // b` of indices that are not negative."""
        if isinstance(a, int) and isinstance(b, int):
            return a // b
        return a if b == 1 else self.emit(I64, f"udiv i64 {_text(a)}, {_text(b)}")

    def modulo(self, a: Index, b: Index) -> Index:
        """`a % b` of indices that are not negative."""
        if isinstance(a, int) and isinstance(b, int):
            return a % b
        return 0 if b == 1 else self.emit(I64, f"urem i64 {_text(a)}, {_text(b)}")

    def least(self, a: Index, b: Index) -> Index:
        """The smaller of two indices."""
        if isinstance(a, int) and isinstance(b, int):
            return min(a, b)
        return self.intrinsic("smin", self.index(a), self.index(b))

    def greatest(self, a: Index, b: Index) -> Index:
        """The larger of two indices."""
        if isinstance(a, int) and isinstance(b, int):
            return max(a, b)
        return self.intrinsic("smax", self.index(a), self.index(b))

    def sum_of(self, *terms: tuple[Index, Index]) -> Index:
        """The sum of products: an address from indices and strides."""
        total: Index = 0
        for a, b in terms:
            total = self.plus(total, self.times(a, b))
        return total

    # Memory

    def at(self, pointer: Value, index: Index, type: Type) -> Value:
        """The address of element `index` of the scalars of `type` at `pointer`."""
        if isinstance(index, int) and index == 0:
            return pointer
        return self.emit(
            PTR, f"getelementptr inbounds {type.scalar}, ptr {pointer.text}, i64 {_text(index)}"
        )

    def load(self, type: Type, pointer: Value, index: Index = 0) -> Value:
        """The scalar, or consecutive scalars, from element `index` on."""
        address = self.at(pointer, index, type)
        return self.emit(type, f"load {type}, ptr {address.text}, align {max(1, type.bits // 8)}")

    def store(self, value: Value, pointer: Value, index: Index = 0) -> None:
        """Write a scalar, or consecutive scalars, from element `index` on."""
        address = self.at(pointer, index, value.type)
        align = max(1, value.type.bits // 8)
        self.line(f"store {value.type} {value.text}, ptr {address.text}, align {align}")

    def prefetch(self, address: Value) -> None:
        """Ask for a line of memory that is read soon. Any address will do."""
        self.module.declarations.add("declare void @llvm.prefetch.p0(ptr, i32, i32, i32)")
        self.line(f"call void @llvm.prefetch.p0(ptr {address.text}, i32 0, i32 3, i32 1)")

    def load_some(self, type: Type, pointer: Value, index: Index, mask: Value) -> Value:
        """Consecutive scalars where `mask` (of `i1`) is set; zero elsewhere, memory untouched."""
        address = self.at(pointer, index, type)
        zero = Value("zeroinitializer", type)
        align = max(1, type.bits // 8)
        if type.scalar == "bfloat":  # masks are known for integers of its size
            bits = self.load_some(type.of("i16"), pointer, index, mask)
            return self.cast("bitcast", bits, type)
        name = f"llvm.masked.load.{type.suffix}.p0"
        return self.call(name, type, address, Value(str(align), I32), mask, zero)

    def store_some(self, value: Value, pointer: Value, index: Index, mask: Value) -> None:
        """Write the lanes where `mask` is set."""
        type = value.type
        if type.scalar == "bfloat":
            self.store_some(self.cast("bitcast", value, type.of("i16")), pointer, index, mask)
            return
        if type.bits < 32 and mask.text in self._firsts:
            self._store_first(self._firsts[mask.text], value, pointer, index)
            return
        address = self.at(pointer, index, type)
        name = f"llvm.masked.store.{type.suffix}.p0"
        align = Value(str(max(1, type.bits // 8)), I32)
        self.call(name, VOID, value, address, align, mask)

    def _store_first(self, count: int, value: Value, pointer: Value, index: Index) -> None:
        """Write a known number of first lanes, without a mask: of narrow elements LLVM's code
        generator takes a literal mask of one lane for a store of 32 bits."""
        done, width = 0, value.type.lanes
        while done < count:
            if width > count - done:
                width //= 2
            elif width == 1:
                self.store(self.extract(value, done), pointer, self.plus(index, done))
                done += 1
            else:
                part = self.shuffle(value, value, range(done, done + width))
                self.store(part, pointer, self.plus(index, done))
                done += width

    def cell(self, type: Type, initial: Value | None = None) -> Cell:
        """A new variable."""
        name = f"%{self.fresh('cell')}"
        self._slots.append(f"  {name} = alloca {type}, align 64")
        cell = Cell(self, type, name)
        if initial is not None:
            cell.set(initial)
        return cell

    # Arithmetic on scalars and vectors

    def binary(self, instruction: str, a: Value, b: Value) -> Value:
        """Any instruction of two operands of one type."""
        return self.emit(a.type, f"{instruction} {a.type} {a.text}, {b.text}")

    def add(self, a: Value, b: Value) -> Value:
        """`a + b`."""
        return self.binary("fadd contract" if a.type.is_float else "add", a, b)

    def sub(self, a: Value, b: Value) -> Value:
        """`a - b`."""
        return self.binary("fsub contract" if a.type.is_float else "sub", a, b)

    def mul(self, a: Value, b: Value) -> Value:
        """`a * b`."""
        return self.binary("fmul contract" if a.type.is_float else "mul", a, b)

    def div(self, a: Value, b: Value) -> Value:
        """`a / b` of floats."""
        return self.binary("fdiv", a, b)

    def fma(self, a: Value, b: Value, c: Value) -> Value:
        """`a * b + c`, rounded once."""
        return self.intrinsic("fma", a, b, c)

    def negative(self, a: Value) -> Value:
        """`-a`."""
        if a.type.is_float:
            return self.emit(a.type, f"fneg {a.type} {a.text}")
        return self.sub(literal(a.type, 0), a)

    def compare(self, predicate: str, a: Value, b: Value) -> Value:
        """A comparison: LLVM's predicates (`olt`, `une`, ... of floats; `slt`, `eq`, ...)."""
        instruction = "fcmp" if a.type.is_float else "icmp"
        return self.emit(a.type.of("i1"), f"{instruction} {predicate} {a.type} {a.text}, {b.text}")

    def select(self, condition: Value, a: Value, b: Value) -> Value:
        """`a` where `condition`, else `b`."""
        return self.emit(
            a.type,
            f"select {condition.type} {condition.text}, {a.type} {a.text}, {b.type} {b.text}",
        )

    def cast(self, instruction: str, value: Value, type: Type) -> Value:
        """`fptosi`, `sitofp`, `zext`, `trunc`, `bitcast`, ... to another type."""
        if value.type == type:
            return value
        return self.emit(type, f"{instruction} {value.type} {value.text} to {type}")

    # Vectors

    def splat(self, scalar: Value, lanes: int) -> Value:
        """A scalar in every lane; a vector as it is."""
        if scalar.type.lanes or not lanes:
            return scalar
        type = scalar.type.wide(lanes)
        one = self.emit(type, f"insertelement {type} poison, {scalar.type} {scalar.text}, i64 0")
        return self.emit(
            type, f"shufflevector {type} {one.text}, {type} poison, <{lanes} x i32> zeroinitializer"
        )

    def shuffle(self, a: Value, b: Value, places: Sequence[int]) -> Value:
        """Lanes of two vectors put together: below their length of `a`, then of `b`."""
        mask = integers("i32", places)
        return self.emit(
            a.type.wide(len(places)),
            f"shufflevector {a.type} {a.text}, {b.type} {b.text}, {mask.type} {mask.text}",
        )

    def extract(self, vector: Value, lane: Index) -> Value:
        """One lane."""
        return self.emit(
            vector.type.wide(0), f"extractelement {vector.type} {vector.text}, i64 {_text(lane)}"
        )

    def counting(self, start: Index, type: Type) -> Value:
        """`start, start + 1, ...` in the lanes of an integer type."""
        first = self.cast("trunc", self.index(start), Type(type.scalar))
        ramp = integers(type.scalar, range(type.lanes))
        return self.add(self.splat(first, type.lanes), ramp)

    def first_lanes(self, count: Index, lanes: int) -> Value:
        """The mask of the first `count` lanes."""
        ramp = integers("i64", range(lanes))
        mask = self.compare("slt", ramp, self.splat(self.index(count), lanes))
        if isinstance(count, int):
            self._firsts[mask.text] = count
        return mask

    def fold(self, combine: str, vector: Value) -> Value:
        """The lanes combined to a scalar: `add`, `mul`, `min`, `max`, `and`, `or` by halves.

        `min` and `max` of floats are NaN where a lane is.
        """
        while vector.type.lanes > 1:
            half = vector.type.lanes // 2
            low = self.shuffle(vector, vector, range(half))
            high = self.shuffle(vector, vector, range(half, 2 * half))
            vector = self.combine(combine, low, high)
        return self.extract(vector, 0)

    def combine(self, combine: str, a: Value, b: Value) -> Value:
        """Two partial results of a reduction as one. See `fold`."""
        if combine == "add":
            return self.add(a, b)
        if combine == "mul":
            return self.mul(a, b)
        if combine in ("and", "or"):
            return self.binary(combine, a, b)
        if a.type.is_float:
            worse = self.compare("ult" if combine == "min" else "ugt", a, b)
            a_unless_nan = self.select(worse, a, b)  # a NaN of a is kept: unordered compares true
            return self.select(self.compare("uno", b, b), b, a_unless_nan)
        return self.intrinsic(f"s{combine}", a, b)

    # Control

    def goto(self, label: str) -> None:
        """Jump."""
        self.line(f"br label %{label}")

    def branch(self, condition: Value, yes: str, no: str) -> None:
        """Jump to one of two labels."""
        self.line(f"br i1 {condition.text}, label %{yes}, label %{no}")

    def label(self, name: str) -> None:
        """Begin a block."""
        self._lines.append(f"{name}:")
        self._block = name

    @contextmanager
    def loop(self, start: Index, stop: Index, step: Index = 1) -> Iterator[Value]:
        """`for i in range(start, stop, step)`, for a positive step; gives `i`."""
        body, latch, exit = (self.fresh(p) for p in ("body", "latch", "exit"))
        before = self._block
        if not (isinstance(start, int) and isinstance(stop, int) and start < stop):
            enter = self.emit(I1, f"icmp slt i64 {_text(start)}, {_text(stop)}")
            self.branch(enter, body, exit)
        else:
            self.goto(body)
        self.label(body)
        counter = Value(f"%{self.fresh('i')}", I64)
        place = len(self._lines)
        self._lines.append("")
        yield counter
        self.goto(latch)
        self.label(latch)
        after = self.emit(I64, f"add nsw i64 {counter.text}, {_text(step)}")
        again = self.emit(I1, f"icmp slt i64 {after.text}, {_text(stop)}")
        self.branch(again, body, exit)
        self._lines[place] = (
            f"  {counter.text} = phi i64 [ {_text(start)}, %{before} ], [ {after.text}, %{latch} ]"
        )
        self.label(exit)

    @contextmanager
    def when(self, condition: Value) -> Iterator[None]:
        """`if condition:`."""
        body, exit = self.fresh("then"), self.fresh("exit")
        self.branch(condition, body, exit)
        self.label(body)
        yield
        self.goto(exit)
        self.label(exit)

    def lanes_of(
        self, stop: Index, lanes: int, body: Callable[[Index, Value | None], None], start: Index = 0
    ) -> None:
        """Go from `start` to `stop` in vectors: `body(index, mask)`, where `mask` is `None` but
        for the last, incomplete vector."""
        count = self.minus(stop, start)
        whole = self.times(self.over(count, lanes), lanes)
        end = self.plus(start, whole)
        if not (isinstance(whole, int) and whole == 0):
            if isinstance(whole, int) and whole == lanes:
                body(start, None)
            else:
                with self.loop(start, end, lanes) as i:
                    body(i, None)
        rest = self.minus(count, whole)
        if isinstance(rest, int):
            if rest:
                body(end, self.first_lanes(rest, lanes))
            return
        with self.when(self.compare("sgt", rest, literal(I64, 0))):
            body(end, self.first_lanes(rest, lanes))


def _text(index: Index) -> str:
    return str(index) if isinstance(index, int) else index.text
