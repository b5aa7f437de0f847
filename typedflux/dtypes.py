"""Data types, families of data types, and promotion. Pure Python: numpy is met in `core`.

A tensor's data type is a `DType`. Where it is not known exactly, as in the type checker under an
annotation such as `Float[Tensor, "n"]`, it is a `DTypeSet`: every question then has three answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, final

from typedflux.shapes.errors import DTypeError, UndecidedError

if TYPE_CHECKING:
    import numpy as np

Kind: TypeAlias = Literal["bool", "int", "uint", "float", "complex"]


@final
class DType:
    """One exact data type. Instances are unique: compare them with `is` or `==`.

    >>> float32.itemsize, float32.kind, float32.is_floating
    (4, 'float', True)
    """

    __slots__ = ("_numpy", "bits", "is_complex", "is_floating", "is_inexact",
                 "is_integer", "is_numeric", "kind", "name")  # fmt: skip

    def __init__(self, name: str, kind: Kind, bits: int) -> None:
        self.name = name
        self.kind: Kind = kind
        self.bits = bits
        self.is_floating = kind == "float"
        self.is_complex = kind == "complex"
        self.is_inexact = kind in ("float", "complex")
        self.is_integer = kind in ("int", "uint")
        self.is_numeric = kind != "bool"
        self._numpy: np.dtype[Any] | None = None

    @property
    def itemsize(self) -> int:
        """Bytes per element."""
        return max(self.bits // 8, 1)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The numpy data type: `np.dtype(flux.float32)` finds it here."""
        if self._numpy is None:
            import numpy as np

            if self.name == "bfloat16":
                import ml_dtypes

                self._numpy = np.dtype(ml_dtypes.bfloat16)
            else:
                self._numpy = np.dtype(self.name)
        return self._numpy

    @property
    def type(self) -> type[np.generic]:
        """The numpy scalar type, whose name is how jaxtyping recognises a data type."""
        return self.dtype.type

    def __repr__(self) -> str:
        return self.name

    def __reduce__(self) -> str:
        return self.name if self.name != "bool" else "bool_"


bool_: Final = DType("bool", "bool", 8)
int8: Final = DType("int8", "int", 8)
int16: Final = DType("int16", "int", 16)
int32: Final = DType("int32", "int", 32)
int64: Final = DType("int64", "int", 64)
uint8: Final = DType("uint8", "uint", 8)
uint16: Final = DType("uint16", "uint", 16)
uint32: Final = DType("uint32", "uint", 32)
uint64: Final = DType("uint64", "uint", 64)
float16: Final = DType("float16", "float", 16)
bfloat16: Final = DType("bfloat16", "float", 16)
float32: Final = DType("float32", "float", 32)
float64: Final = DType("float64", "float", 64)
complex64: Final = DType("complex64", "complex", 64)
complex128: Final = DType("complex128", "complex", 128)

ALL: Final[tuple[DType, ...]] = (
    bool_, int8, int16, int32, int64, uint8, uint16, uint32, uint64,
    float16, bfloat16, float32, float64, complex64, complex128,
)  # fmt: skip
BY_NAME: Final[dict[str, DType]] = {d.name: d for d in ALL}

default_float: Final = float32
default_complex: Final = complex64
default_int: Final = int64


@final
class DTypeSet:
    """A data type known only to be one of several, as under a family annotation."""

    __slots__ = ("members", "name")

    def __init__(self, members: Iterable[DType], name: str | None = None) -> None:
        self.members = frozenset(members)
        self.name = name or FAMILY_NAMES.get(self.members)

    def __iter__(self) -> Iterator[DType]:
        return iter(self.members)

    def __repr__(self) -> str:
        return self.name or "|".join(sorted(d.name for d in self.members))

    def __hash__(self) -> int:
        return hash(self.members)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypeSet) and self.members == other.members

    @property
    def is_floating(self) -> bool:
        return self._all("is_floating")

    @property
    def is_complex(self) -> bool:
        return self._all("is_complex")

    @property
    def is_inexact(self) -> bool:
        return self._all("is_inexact")

    @property
    def is_integer(self) -> bool:
        return self._all("is_integer")

    @property
    def is_numeric(self) -> bool:
        return self._all("is_numeric")

    @property
    def kind(self) -> Kind:
        """The kind that all members share."""
        kinds = {d.kind for d in self.members}
        if len(kinds) > 1:
            raise UndecidedError(f"the dtype may be any of {self!r}: its kind is not decided")
        return next(iter(kinds))

    def _all(self, question: str) -> bool:
        answers = {bool(getattr(d, question)) for d in self.members}
        if len(answers) > 1:
            raise UndecidedError(f"the dtype may be any of {self!r}: {question} is not decided")
        return answers == {True}


AnyDType: TypeAlias = DType | DTypeSet

FAMILY_NAMES: dict[frozenset[DType], str] = {}


def _family(name: str, *kinds: Kind) -> DTypeSet:
    family = DTypeSet((d for d in ALL if d.kind in kinds), name)
    FAMILY_NAMES[family.members] = name
    return family


Shaped: Final = _family("Shaped", "bool", "int", "uint", "float", "complex")
Num: Final = _family("Num", "int", "uint", "float", "complex")
Inexact: Final = _family("Inexact", "float", "complex")
Real: Final = _family("Real", "int", "uint", "float")
Integer: Final = _family("Integer", "int", "uint")
Float: Final = _family("Float", "float")
Complex: Final = _family("Complex", "complex")
Int: Final = _family("Int", "int")
UInt: Final = _family("UInt", "uint")
FAMILIES: Final[dict[str, DTypeSet]] = {
    str(f): f for f in (Shaped, Num, Inexact, Real, Integer, Float, Complex, Int, UInt)
}


def members(dtype: AnyDType) -> frozenset[DType]:
    """The exact data types that `dtype` may stand for."""
    return frozenset((dtype,)) if isinstance(dtype, DType) else dtype.members


def family_around(dtype: AnyDType) -> AnyDType:
    """The smallest family that has a name and holds all that `dtype` may stand for; an exact data
    type itself."""
    if isinstance(dtype, DType) or dtype.name is not None:
        return dtype
    return min(
        (f for f in FAMILIES.values() if dtype.members <= f.members), key=lambda f: len(f.members)
    )


def simplify(candidates: Iterable[DType]) -> AnyDType:
    """An exact data type where only one candidate is left, else the set of them."""
    found = frozenset(candidates)
    return next(iter(found)) if len(found) == 1 else DTypeSet(found)


def belongs(dtype: AnyDType, family: AnyDType) -> bool | None:
    """Whether `dtype` lies in `family`: yes, no, or `None` when only some members do.

    >>> belongs(float32, Float), belongs(int32, Float), belongs(Num, Float)
    (True, False, None)
    """
    mine, theirs = members(dtype), members(family)
    if mine <= theirs:
        return True
    return None if mine & theirs else False


def _promote_exact(a: DType, b: DType) -> DType | None:
    if a is b or b.kind == "bool":
        return a
    if a.kind == "bool":
        return b
    if a.kind == b.kind:
        if a.bits == b.bits:  # float16 and bfloat16: neither holds the other
            return float32
        return a if a.bits > b.bits else b
    if a.is_integer and b.is_integer:
        signed, unsigned = (a, b) if a.kind == "int" else (b, a)
        if signed.bits > unsigned.bits:
            return signed
        return BY_NAME.get(f"int{2 * unsigned.bits}")
    if a.is_integer:
        return b
    if b.is_integer:
        return a
    comp, real = (a, b) if a.is_complex else (b, a)
    return complex128 if real.bits == 64 else comp


_PROMOTION: Final[dict[tuple[DType, DType], DType | None]] = {
    (a, b): _promote_exact(a, b) for a in ALL for b in ALL
}


def promote(a: AnyDType, b: AnyDType) -> AnyDType:
    """The data type that an operation on `a` and `b` computes in.

    The wider of one kind; the float, or the complex, of a float or complex with integers; a signed
    integer that holds both for mixed signs. The Array API standard leaves integers with floats
    open; typedflux keeps the float as it is.

    Raises:
        DTypeError: for uint64 with a signed integer, which no integer type holds.

    >>> promote(int64, float16), promote(uint8, int8), promote(float16, bfloat16)
    (float16, int16, float32)
    """
    if isinstance(a, DType) and isinstance(b, DType):
        exact = _PROMOTION[a, b]
        if exact is None:
            raise DTypeError(
                f"no integer type holds both {a} and {b}: "
                "convert one with .astype(...) to say what is meant"
            )
        return exact
    if a == b:
        return a
    results = {_PROMOTION[x, y] for x in members(a) for y in members(b)}
    return simplify(d for d in results if d is not None)


def promote_all(first: AnyDType, *rest: AnyDType) -> AnyDType:
    """`promote` folded over several data types."""
    for other in rest:
        first = promote(first, other)
    return first


def with_scalar(dtype: AnyDType, scalar: bool | int | float | complex) -> AnyDType:
    """The result of `dtype` with a Python scalar, which is weak: its kind counts, not its width.

    >>> with_scalar(float16, 2.5), with_scalar(int8, 2), with_scalar(int8, 0.5)
    (float16, int8, float32)
    """
    if isinstance(dtype, DTypeSet):
        exact = (with_scalar(d, scalar) for d in dtype)
        return simplify(d for e in exact for d in members(e))
    if isinstance(scalar, bool) or dtype.is_complex:
        return dtype
    if isinstance(scalar, int):
        return default_int if dtype.kind == "bool" else dtype
    if isinstance(scalar, float):
        return dtype if dtype.is_floating else default_float
    return complex128 if dtype is float64 else default_complex


def to_inexact(dtype: AnyDType) -> AnyDType:
    """`dtype`, or the default float for integers and booleans (as `exp` and `/` need)."""
    if isinstance(dtype, DTypeSet):
        return simplify(d if d.is_inexact else default_float for d in dtype)
    return dtype if dtype.is_inexact else default_float


def real_part(dtype: AnyDType) -> AnyDType:
    """The data type of the real part.

    >>> real_part(complex128), real_part(float16)
    (float64, float16)
    """
    if isinstance(dtype, DTypeSet):
        return simplify(d for e in dtype for d in members(real_part(e)))
    return {complex64: float32, complex128: float64}.get(dtype, dtype)


def to_complex(dtype: AnyDType) -> AnyDType:
    """The complex data type of the same precision."""
    if isinstance(dtype, DTypeSet):
        return simplify(d for e in dtype for d in members(to_complex(e)))
    if dtype.is_complex:
        return dtype
    return complex128 if dtype is float64 else complex64


_OF_PYTHON: Final[dict[type, DType]] = {
    bool: bool_,
    int: default_int,
    float: default_float,
    complex: default_complex,
}


def as_dtype(value: object) -> DType:
    """The `DType` meant by a `DType`, a name, a numpy data type or one of Python's number types.

    >>> as_dtype("bfloat16"), as_dtype(float), as_dtype(bool)
    (bfloat16, float32, bool)

    Raises:
        DTypeError: when nothing of that name exists here.
    """
    if isinstance(value, DType):
        return value
    if isinstance(value, type) and value in _OF_PYTHON:
        return _OF_PYTHON[value]
    if isinstance(value, str):
        name = value
    else:
        name = getattr(value, "name", None) or getattr(value, "__name__", None) or str(value)
    found = BY_NAME.get({"bool_": "bool"}.get(name, name))
    if found is None:
        names = ", ".join(d.name for d in ALL)
        raise DTypeError(f"there is no dtype {value!r}; the dtypes are {names}")
    return found
