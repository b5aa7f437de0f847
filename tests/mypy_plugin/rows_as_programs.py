"""The rows of the operations' table as programs for the checker.

A row's function is Python code in a table. Here its source is found, with the values of what it
refers to put in their place, so that it stands in a program of its own: `ops.sum(x0, axis=(0, 2))`
in a function whose parameters are annotated with the shapes of a sample.
"""

from __future__ import annotations

import ast
import functools
import inspect
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.ops.harness import symbolic_shape
from tests.ops.row import Operands, Row, cast
from typedflux import losses, ops
from typedflux.core.types import annotation_name
from typedflux.dtypes import DType
from typedflux.tensor import FROM_NUMPY

HEADER = """\
from typing import Any
import numpy as np
import jaxtyping as jt
import typedflux as flux
from typedflux import Tensor, losses, ops
from typedflux import dtypes
"""


class Unspoken(Exception):
    """The row's function cannot be written as an expression."""


def expression(row: Row, operands: int) -> str:
    """The call of a row's function on `x0`, `x1`, ... as source.

    Raises:
        Unspoken: when it is more than an expression.
    """
    function = row.function
    if function.__module__.startswith("typedflux.") and "<" not in function.__qualname__:
        return f"{_path(function)}({', '.join(f'x{i}' for i in range(operands))})"
    return ast.unparse(
        ast.fix_missing_locations(_inlined(function, [f"x{i}" for i in range(operands)]))
    )


def _path(function: Callable[..., Any]) -> str:
    name = function.__name__
    for prefix, module in (("ops", ops), ("losses", losses)):
        if getattr(module, name, None) is function:
            return f"{prefix}.{name}"
    raise Unspoken(name)


def _inlined(function: Any, names: list[str]) -> ast.expr:
    """The body of a function of one expression, with everything it refers to replaced."""
    if not isinstance(function, types.FunctionType):
        raise Unspoken(repr(function))
    node = _node(function)
    if isinstance(node, ast.Lambda):
        body: ast.expr = node.body
    else:
        statements = [s for s in node.body if not isinstance(s, ast.Expr)]
        if len(statements) != 1 or not isinstance(statements[0], ast.Return):
            raise Unspoken(function.__qualname__)
        returned = statements[0].value
        assert returned is not None
        body = returned
    closed = inspect.getclosurevars(function)
    values: dict[str, Any] = {**closed.globals, **closed.nonlocals}
    parameters = list(inspect.signature(function).parameters.values())
    given = list(names)
    spread: dict[str, list[str]] = {}
    renamed: dict[str, str] = {}
    for p in parameters:
        if p.kind is p.VAR_POSITIONAL:
            spread[p.name], given = given, []
        elif given:
            renamed[p.name] = given.pop(0)
        elif p.default is not p.empty:
            values[p.name] = p.default
    copy = ast.parse(ast.unparse(body), mode="eval").body
    found = _Inliner(values, renamed, spread).visit(copy)
    assert isinstance(found, ast.expr)
    return found


class _Inliner(ast.NodeTransformer):
    def __init__(
        self, values: dict[str, Any], renamed: dict[str, str], spread: dict[str, list[str]]
    ) -> None:
        self.values, self.renamed, self.spread = values, renamed, spread

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in self.renamed:
            return ast.Name(self.renamed[node.id], ast.Load())
        if node.id in self.spread:
            return ast.Tuple([ast.Name(n, ast.Load()) for n in self.spread[node.id]], ast.Load())
        return _literal(self.values[node.id]) if node.id in self.values else node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        args: list[ast.expr] = []
        for arg in node.args:
            if isinstance(arg, ast.Starred) and isinstance(arg.value, ast.Name):
                if arg.value.id in self.spread:
                    args += [ast.Name(n, ast.Load()) for n in self.spread[arg.value.id]]
                    continue
                held = self.values.get(arg.value.id)
                if isinstance(held, (tuple, list)):
                    args += map(_literal, held)
                    continue
            args.append(self.visit(arg))
        keywords: list[ast.keyword] = []
        for k in node.keywords:
            if k.arg is None:
                if not isinstance(k.value, ast.Name):
                    raise Unspoken("keywords")
                keywords += [
                    ast.keyword(name, _literal(v)) for name, v in self.values[k.value.id].items()
                ]
            else:
                keywords.append(ast.keyword(k.arg, self.visit(k.value)))
        match node.func:
            case ast.Name(id="getattr") if len(args) == 2 and isinstance(args[1], ast.Constant):
                return ast.Attribute(args[0], str(args[1].value), ast.Load())
            case ast.Name(id=name) if name in self.values and _is_helper(self.values[name]):
                if keywords or not all(isinstance(a, ast.Name) for a in args):
                    raise Unspoken(name)
                return _inlined(self.values[name], [ast.unparse(a) for a in args])
        return ast.Call(self.visit(node.func), args, keywords)

    def visit_Lambda(self, node: ast.Lambda) -> ast.expr:
        raise Unspoken("a function in it")


def _is_helper(value: Any) -> bool:
    return isinstance(value, types.FunctionType) and not value.__module__.startswith("typedflux.")


def _literal(value: Any) -> ast.expr:
    """A value as source."""
    if isinstance(value, types.ModuleType):
        return ast.Name(value.__name__.rpartition(".")[2].replace("numpy", "np"), ast.Load())
    if isinstance(value, DType):
        return ast.parse(f"dtypes.{value.__reduce__()}", mode="eval").body
    if value is None or isinstance(value, (bool, int, float, str)):
        return ast.parse(repr(value), mode="eval").body
    if isinstance(value, (tuple, list)):
        items = [_literal(v) for v in value]
        kind = ast.Tuple if isinstance(value, tuple) else ast.List
        return kind(items, ast.Load())
    if isinstance(value, types.FunctionType) and value.__module__.startswith("typedflux."):
        return ast.parse(_path(value), mode="eval").body
    raise Unspoken(repr(value))


@functools.cache
def _functions(path: str) -> list[ast.Lambda | ast.FunctionDef]:
    tree = ast.parse(Path(path).read_text())
    return [n for n in ast.walk(tree) if isinstance(n, (ast.Lambda, ast.FunctionDef))]


def _node(function: types.FunctionType) -> ast.Lambda | ast.FunctionDef:
    """Where a function stands in its file."""
    code = function.__code__
    if function.__name__ != "<lambda>":
        return next(
            n for n in _functions(code.co_filename)
            if isinstance(n, ast.FunctionDef) and n.lineno == code.co_firstlineno
        )  # fmt: skip
    places = {
        (line, column) for line, _, column, _ in code.co_positions()
        if line is not None and column is not None
    }  # fmt: skip
    return min(
        (
            n for n in _functions(code.co_filename)
            if isinstance(n, ast.Lambda) and n.lineno == code.co_firstlineno
            and (n.body.lineno, n.body.col_offset) in places
        ),
        key=lambda n: abs(n.body.col_offset),
    )  # fmt: skip


def parameter_types(row: Row, operands: Operands, dtype: DType, *, named: bool) -> list[str]:
    """The parameters' annotations, of fixed sizes or of names."""
    found = []
    for i, x in enumerate(operands):
        shape: tuple[Any, ...] = symbolic_shape(row, i, x.shape) if named else x.shape
        kind = annotation_name(FROM_NUMPY[cast(x, dtype).dtype])
        found.append(f'jt.{kind}[Tensor, "{" ".join(map(str, shape))}"]')
    return found
