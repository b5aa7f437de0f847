"""Symbolic axes such as `2*n+1` or `{self.k}-1`: parsed with `ast`, computed without `eval`.

As in jaxtyping, an expression is computed in two stages. Placeholders in braces are filled in
from the arguments of the call, as in an f-string; the text that results is then a Python
expression over the names of single axes. Sizes may be numbers or symbolic; what depends on a
comparison that nobody can decide is `UNKNOWN`.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

from typedflux.shapes.dims import (
    UNKNOWN,
    Dim,
    Unknown,
    dim_max,
    dim_min,
    equal,
    hint_of,
    surely_different,
)
from typedflux.shapes.errors import AnnotationError, UndecidedError

_LARGEST_EXPONENT: Final = 64

# The operands are whatever an annotation's author wrote, so their types are not known here.
_BINARY: Final[dict[type[ast.operator], Callable[[Any, Any], object]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_COMPARISONS: Final[dict[type[ast.cmpop], Callable[[Any, Any], bool]]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_CONVERSIONS: Final[dict[int, Callable[[object], str]]] = {
    ord("s"): str,
    ord("r"): repr,
    ord("a"): ascii,
}
_FUNCTIONS: Final[dict[str, Callable[..., object]]] = {
    "abs": abs,
    "bool": bool,
    "divmod": divmod,
    "float": float,
    "int": int,
    "len": len,
    "max": max,
    "min": min,
    "round": round,
    "sum": sum,
}


def evaluate_expression(
    text: str, sizes: Mapping[str, object], arguments: Mapping[str, object] | None = None
) -> object:
    """The value of a symbolic axis: `sizes` are the bound names, `arguments` those of the call.

    >>> from typedflux.shapes.dims import symbol
    >>> evaluate_expression("n//2+{k}", {"n": 9}, {"k": 1})
    5
    >>> evaluate_expression("min(n,2*n+1)", {"n": symbol("m")})
    m
    >>> evaluate_expression("n-", {"n": 9})
    Traceback (most recent call last):
        ...
    typedflux.shapes.errors.AnnotationError: symbolic axis 'n-' is not a valid expression: \
invalid syntax
    """
    filled = text
    # The quotes around the text are those that jaxtyping puts, so that the same texts are valid.
    if any(mark in text for mark in "{}'\\"):
        filled = str(_Evaluator(text, arguments or {}, placeholder=True).run(f"f'{text}'"))
    return _Evaluator(text, sizes, placeholder=False).run(filled)


def names_in(text: str) -> frozenset[str]:
    """The axis names that an expression refers to, apart from those within placeholders.

    >>> sorted(names_in("min(a,b)+{k}"))
    ['a', 'b']
    """
    try:
        # Any expression can take a placeholder's place without changing the names outside it.
        source = ast.parse(f"f'{text}'", mode="eval").body
        if isinstance(source, ast.JoinedStr):
            parts = (p.value if isinstance(p, ast.Constant) else "0" for p in source.values)
            text = "".join(map(str, parts))
        tree = _parse(text)
    except SyntaxError:
        return frozenset()
    found = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return frozenset(found - _FUNCTIONS.keys())


@lru_cache(maxsize=4096)
def _parse(source: str) -> ast.expr:
    return ast.parse(source.strip(), mode="eval").body


class _Evaluator:
    """Walks one expression; every failure becomes an `AnnotationError` that quotes the axis."""

    def __init__(self, axis: str, names: Mapping[str, object], placeholder: bool) -> None:
        self.axis = axis
        self.names = names
        self.placeholder = placeholder

    def run(self, source: str) -> object:
        try:
            return self.visit(_parse(source))
        except AnnotationError:
            raise
        except UndecidedError:
            return UNKNOWN
        except (SyntaxError, ValueError) as error:
            reason = error.msg if isinstance(error, SyntaxError) else str(error)
            raise self.malformed(f"is not a valid expression: {reason}") from error
        except Exception as error:  # whatever the author's expression did
            raise self.malformed(f"cannot be computed: {error}") from error

    def malformed(self, reason: str) -> AnnotationError:
        return AnnotationError(f"symbolic axis '{self.axis}' {reason}")

    def visit(self, node: ast.expr) -> object:
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name):
                return self.name(name)
            case ast.BinOp(left=left, op=op, right=right):
                return self.binary(op, self.visit(left), self.visit(right))
            case ast.UnaryOp(op=op, operand=inner):
                return self.unary(op, self.visit(inner))
            case ast.Compare():
                return self.comparison(node)
            case ast.BoolOp(op=op, values=values):
                return self.boolean(isinstance(op, ast.And), values)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return self.visit(body if _truth(self.visit(test)) else orelse)
            case ast.Tuple(elts=items) | ast.List(elts=items):
                return tuple(self.visit(item) for item in items)
            case ast.Set(elts=items):
                return frozenset(self.visit(item) for item in items)
            case ast.Subscript(value=value, slice=index):
                target: Any = self.visit(value)
                return target[self.visit(index)]
            case ast.Attribute(value=value, attr=attr) if self.placeholder:
                return self.attribute(self.visit(value), attr)
            case ast.Call(func=func, args=args, keywords=[]):
                return self.call(func, [self.visit(arg) for arg in args])
            case ast.JoinedStr(values=values):
                return "".join(str(self.visit(value)) for value in values)
            case ast.FormattedValue():
                return self.formatted(node)
        raise self.malformed(f"uses {type(node).__name__}, which axes do not support")

    def name(self, name: str) -> object:
        if name in self.names:
            return self.names[name]
        if self.placeholder:
            known = ", ".join(sorted(self.names)) or "none"
            raise self.malformed(f"needs the argument '{name}' (arguments here: {known})")
        raise self.malformed(
            f"needs '{name}', which no earlier annotation has bound: symbolic axes belong in "
            f"return types or after the axes that they mention"
        )

    def attribute(self, value: object, attr: str) -> object:
        if attr.startswith("__"):
            raise self.malformed(f"uses the special attribute '{attr}', which is not allowed")
        return getattr(value, attr)

    def binary(self, op: ast.operator, a: Any, b: Any) -> object:
        if isinstance(op, ast.Div):
            return _true_division(a, b)
        if isinstance(op, ast.Pow):
            if isinstance(b, int) and abs(b) > _LARGEST_EXPONENT:
                raise self.malformed(f"has an exponent above {_LARGEST_EXPONENT}")
            return UNKNOWN if _unknown(a, b) else a**b
        if type(op) not in _BINARY:
            raise self.malformed(f"uses {type(op).__name__}, which axes do not support")
        return _BINARY[type(op)](a, b)

    def unary(self, op: ast.unaryop, value: Any) -> object:
        if isinstance(op, ast.Not):
            return not _truth(value)
        if _unknown(value):
            return UNKNOWN
        if isinstance(op, ast.Invert):
            return -value - 1 if isinstance(value, Dim) else ~value
        return -value if isinstance(op, ast.USub) else +value

    def comparison(self, node: ast.Compare) -> object:
        left = self.visit(node.left)
        for op, item in zip(node.ops, node.comparators, strict=True):
            right = self.visit(item)
            if type(op) not in _COMPARISONS:
                raise self.malformed(f"uses {type(op).__name__}, which axes do not support")
            if not _compare(op, left, right):
                return False
            left = right
        return True

    def boolean(self, every: bool, values: list[ast.expr]) -> object:
        value: object = every
        for node in values:
            value = self.visit(node)
            if _truth(value) is not every:
                break
        return value

    def call(self, func: ast.expr, args: list[object]) -> object:
        if isinstance(func, ast.Attribute) and self.placeholder:
            method: Any = self.visit(func)
            return method(*args)
        if not isinstance(func, ast.Name) or func.id not in _FUNCTIONS:
            named = ast.unparse(func)
            allowed = ", ".join(sorted(_FUNCTIONS))
            raise self.malformed(f"calls '{named}'; the functions for axes are {allowed}")
        if func.id in self.names:
            raise self.malformed(f"calls '{func.id}', which is the name of an axis here")
        flat = args[0] if len(args) == 1 and isinstance(args[0], tuple) else args
        if func.id in ("min", "max") and any(isinstance(a, (Dim, Unknown)) for a in flat):
            return (dim_min if func.id == "min" else dim_max)(*flat)
        if _unknown(*flat):
            return UNKNOWN
        if func.id == "abs" and isinstance(args[0], Dim):
            return dim_max(args[0], -args[0])
        if func.id == "int" and isinstance(args[0], Dim):
            return args[0]
        return _FUNCTIONS[func.id](*args)

    def formatted(self, node: ast.FormattedValue) -> str:
        value = self.visit(node.value)
        spec = "" if node.format_spec is None else str(self.visit(node.format_spec))
        convert = _CONVERSIONS.get(node.conversion)
        return format(value if convert is None else convert(value), spec)


def _unknown(*values: object) -> bool:
    return any(isinstance(value, Unknown) for value in values)


def _truth(value: object) -> bool:
    if isinstance(value, Dim) and hint_of(value) is None:
        # A name may stand for 0 too, although it differs from the number 0.
        return not _compare(ast.Eq(), value, 0)
    return bool(value)


def _compare(op: ast.cmpop, a: Any, b: Any) -> bool:
    if _unknown(a, b):
        raise UndecidedError
    symbolic = isinstance(a, (int, Dim)) and isinstance(b, (int, Dim))
    if symbolic and isinstance(op, (ast.Eq, ast.NotEq)):
        same = equal(a, b)
        if same is False and not surely_different(a, b):
            if hint_of(a) is None or hint_of(b) is None:
                raise UndecidedError
        elif same is not None:
            return same is isinstance(op, ast.Eq)
    return _COMPARISONS[type(op)](a, b)


def _true_division(a: Any, b: Any) -> object:
    if _unknown(a, b):
        return UNKNOWN
    if isinstance(a, Dim) or isinstance(b, Dim):
        return a // b if equal(a % b, 0) is True else UNKNOWN
    return a / b
