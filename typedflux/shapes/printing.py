"""Sizes as text: what prints parses back, in the annotation language, to the same size."""

from __future__ import annotations

from typedflux.shapes.polynomials import Atom, Monomial, Symbol, Terms


def terms_text(terms: Terms) -> str:
    """A polynomial without spaces, highest degree first, a positive term in front."""
    ordered = list(terms)
    for place, (_, k) in enumerate(ordered):
        if k > 0:
            ordered.insert(0, ordered.pop(place))
            break
    text = ""
    for mono, k in ordered:
        lone = abs(k) == 1 and bool(text or k > 0)
        body = _term_text(mono, abs(k), lone)
        text += ("-" if k < 0 else "+" if text else "") + body
    return text or "0"


def _term_text(mono: Monomial, k: int, lone: bool) -> str:
    if not mono:
        return str(k)
    if lone and len(mono) == 1:
        return _atom_text(mono[0])
    factors = [_atom_text(item, wrapped=True) for item in mono]
    return "*".join(factors if k == 1 else [str(k), *factors])


def _atom_text(item: Atom, wrapped: bool = False) -> str:
    if isinstance(item, Symbol):
        return item.name
    if item.op in ("min", "max"):
        return f"{item.op}({','.join(terms_text(arg) for arg in item.args)})"
    text = f"{_side(item.args[0], left=True)}{item.op}{_side(item.args[1], left=False)}"
    return f"({text})" if wrapped else text


def _side(terms: Terms, left: bool) -> str:
    """An operand of // or %: in brackets unless it already binds at least as tightly."""
    text = terms_text(terms)
    if len(terms) == 1:
        mono, k = terms[0]
        named = all(isinstance(item, Symbol) or item.op in ("min", "max") for item in mono)
        if k > 0 and named and (left or (k == 1 and len(mono) == 1) or not mono):
            return text
    return f"({text})"
