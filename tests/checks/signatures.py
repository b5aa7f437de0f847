"""Random signatures and calls, run by jaxtyping with beartype and by `flux.typed`.

Both see the same annotations and the same values. What is compared of a call: whether it was
refused, at its entrance or its result, the bindings that the body finds, what `isinstance` in the
body says, and the bindings afterwards.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from types import GenericAlias
from typing import Any, Union

import jaxtyping
import numpy as np
from beartype import beartype
from jaxtyping import Bool, Float, Float32, Int, Num, Shaped
from jaxtyping._storage import get_shape_memo

import typedflux as flux
from typedflux import Tensor

NAMES = ("a", "b", "c")
PLAIN = (
    *("a", "b", "c", "a", "b", "c", "4", "3", "1", "0", "_", "_a", "n=3", "n=a", "#a", "#b", "#3"),
    "#n=2", "n=#b",
)  # fmt: skip
STARRED = ("...", "*a", "*b", "*c", "*#a", "#*b", "*_", "n=*a")
SYMBOLIC = (
    *("a+1", "a*b", "a-b", "2*a", "a//2", "a%2", "min(a,b)", "max(a,b,2)", "#a+1", "n=a+b"),
    *("a/2", "a**2", "(a+b)//2", "{k}", "{k}+a", "{o.m}*2", "2*{k}", "b-{k}", "{k}{k}"),
    *("len((a,b))",),
    *("a//0", "-a+4", "a==b", "(a)if(a>b)else(b)", "{o.m}//b", "max({k},a)", "a-", "{k+1}", "1.5"),
)  # fmt: skip


class Sized:
    """The least that jaxtyping takes for an array."""

    def __init__(self, shape: tuple[int, ...], dtype: str) -> None:
        self.shape = shape
        self.dtype = dtype

    def __repr__(self) -> str:
        return f"Sized({self.shape}, {self.dtype!r})"


class Holder:
    m = 2


def numpy_array(shape: tuple[int, ...], dtype: str) -> Any:
    return np.zeros(shape, dtype)


def tensor(shape: tuple[int, ...], dtype: str) -> Any:
    return flux.zeros(shape, dtype=dtype)


LIBRARIES: tuple[tuple[Any, Callable[[tuple[int, ...], str], Any]], ...] = (
    (np.ndarray, numpy_array),
    (Tensor, tensor),
    (Sized, Sized),
    (Any, Sized),
)
FAMILIES: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (Float, ("float32", "float64", "float16")),
    (Float32, ("float32",)),
    (Int, ("int64", "int8")),
    (Num, ("int32", "float32", "complex64")),
    (Bool, ("bool",)),
    (Shaped, ("float32", "uint8")),
)


@dataclass
class Case:
    """A function's source, its annotations by parameter, and some calls of it."""

    source: str
    annotations: dict[str, Any]
    text: str
    calls: list[Call]


@dataclass
class Call:
    """Arguments, what the function returns, and what its body asks."""

    args: list[Any]
    kwargs: dict[str, Any]
    result: Any
    questions: list[tuple[Any, Any]]


class Maker:
    """Makes cases from a seed."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.sizes: dict[str, int] = {}

    def text(self) -> str:
        rng = self.rng
        words = [rng.choice(PLAIN) for _ in range(rng.choice((0, 1, 1, 2, 2, 3)))]
        if rng.random() < 0.25:
            words.append(rng.choice(STARRED))
        if rng.random() < 0.12:
            words.append(rng.choice(SYMBOLIC))
        rng.shuffle(words)
        return " ".join(words)

    def shape(self, text: str) -> tuple[int, ...]:
        """A shape that has a good chance of fitting."""
        rng, sizes = self.rng, self.sizes
        shape: list[int] = []
        for word in text.split():
            body = word.rpartition("=")[2].lstrip("#_?*")
            if rng.random() < 0.02:
                continue
            if ("*" in word and not any(sign in body for sign in "*+-/(")) or word == "...":
                tail = [sizes["a"], sizes["b"], 1][rng.randrange(3) :]
                shape += [1 if "#" in word and rng.random() < 0.4 else size for size in tail]
            elif "#" in word and rng.random() < 0.3:
                shape.append(1)
            elif body in sizes and rng.random() < 0.96:
                shape.append(sizes[body])
            elif body.isdigit():
                shape.append(int(body))
            else:
                shape.append(self.computed(body))
        return tuple(shape)

    def computed(self, body: str) -> int:
        try:
            value = eval(body.replace("{k}", "2").replace("{o.m}", "2"), dict(self.sizes))
            return min(abs(int(value)), 30)
        except Exception:
            return self.rng.randrange(5)

    def tensor(self) -> tuple[Any, str, Callable[[], Any]]:
        """An annotation, its text, and a maker of values for it."""
        rng = self.rng
        while True:
            text = self.text()
            family, dtypes = rng.choice(FAMILIES)
            kind, make = rng.choice(LIBRARIES[:1] * 3 + LIBRARIES)
            try:
                annotation = family[kind, text]
            except ValueError:
                continue

            def value(text: str = text, dtypes: tuple[str, ...] = dtypes, make: Any = make) -> Any:
                dtype = rng.choice(dtypes) if rng.random() < 0.98 else "int16"
                other = make if rng.random() < 0.99 else rng.choice(LIBRARIES)[1]
                return other(self.shape(text), dtype)

            shown = getattr(kind, "__name__", "Any")
            return annotation, f"{family.__name__}[{shown}, {text!r}]", value

    def annotation(self) -> tuple[Any, str, Callable[[], Any]]:
        """An annotation of any form."""
        rng = self.rng
        form = rng.random()
        hint, text, value = self.tensor()
        if form < 0.68:
            return hint, text, value
        if form < 0.76:
            return (
                Union[hint, None],
                f"Optional[{text}]",
                lambda: None if rng.random() < 0.4 else value(),
            )
        other, other_text, other_value = self.tensor()
        if form < 0.84:
            return (
                Union[hint, other],
                f"{text} | {other_text}",
                lambda: rng.choice((value, other_value))(),
            )
        if form < 0.89:
            return (
                GenericAlias(tuple, (hint, other)),
                f"tuple[{text}, {other_text}]",
                lambda: (
                    value(),
                    other_value(),
                ),
            )
        if form < 0.93:  # beartype looks at one element, so of one element both look at all
            return (
                GenericAlias(list, (hint,)),
                f"list[{text}]",
                lambda: [value()] * rng.randrange(2),
            )
        plain: tuple[Any, str, tuple[Any, ...]] = rng.choice(
            ((int, "int", (1, 2, "x")), (str, "str", ("x", "y", 1)), (Any, "Any", (1, None)))
        )
        return plain[0], plain[1], lambda: rng.choice(plain[2])

    def case(self, calls: int) -> Case:
        rng = self.rng
        count = rng.randrange(1, 5)
        starred = rng.random() < 0.12
        named = rng.random() < 0.12
        only = rng.randrange(count) if rng.random() < 0.2 else count
        makers: dict[str, Callable[[], Any]] = {}
        annotations: dict[str, Any] = {}
        texts, declared = [], []

        def declare(name: str, shown: str) -> None:
            annotations[name], text, makers[name] = self.annotation()
            texts.append(f"{shown}: {text}")

        for i in range(count):
            if i == only and not starred:
                declared.append("*")
            if i == only and starred:
                declare("xs", "*xs")
                declared.append("*xs")
            declare(f"p{i}", f"p{i}")
            declared.append(f"p{i}")
        if starred and only == count:
            declare("xs", "*xs")
            declared.append("*xs")
        bare = "*" in declared or starred
        declared.append("k=2" if bare else "*, k=2")
        declared.append("o=HOLDER")
        if named:
            declare("kw", "**kw")
            declared.append("**kw")
        result = rng.random() < 0.6
        returned: Callable[[], Any] = lambda: None  # noqa: E731
        if result:
            annotations["return"], text, returned = self.annotation()
            texts.append(f"-> {text}")
        questions = [self.tensor() for _ in range(rng.choice((0, 0, 1, 2)))]
        source = f"def f({', '.join(declared)}):\n    return BODY()\n"
        made = []
        for _ in range(calls):
            self.sizes = {name: rng.randrange(5) for name in NAMES}
            args = [makers[f"p{i}"]() for i in range(min(only, count))]
            kwargs = {f"p{i}": makers[f"p{i}"]() for i in range(only, count)}
            if starred:
                args += [makers["xs"]() for _ in range(rng.randrange(3))]
            if named:
                # beartype looks at one of them at random, so there is at most one.
                kwargs |= {f"q{i}": makers["kw"]() for i in range(rng.randrange(2))}
            asked = [(value(), hint) for hint, _, value in questions]
            made.append(Call(args, kwargs, returned(), asked))
        return Case(source, annotations, f"f({', '.join(texts)})", made)


Observed = tuple[Any, ...]


def _bindings() -> tuple[dict[str, int], dict[str, tuple[bool, tuple[int, ...]]]]:
    single, variadic, _, _ = get_shape_memo()  # type: ignore[no-untyped-call]
    return dict(single), {k: (bool(f), tuple(s)) for k, (f, s) in variadic.items()}


def observe(case: Case, decorate: Callable[[Any], Any]) -> list[Observed]:
    """What each call of the case does under a decorator."""
    seen: list[Any] = []
    current: list[Call] = []

    def body() -> Any:
        seen.append(_bindings())
        for value, hint in current[0].questions:
            try:
                seen.append(isinstance(value, hint))
            except Exception:
                seen.append("error")
            seen.append(_bindings())
        return current[0].result

    namespace: dict[str, Any] = {"BODY": body, "HOLDER": Holder()}
    exec(case.source, namespace)
    function = namespace["f"]
    function.__annotations__ = dict(case.annotations)
    function.__module__ = __name__
    checked = decorate(function)
    found: list[Observed] = []
    for call in case.calls:
        seen.clear()
        current[:] = [call]
        try:
            checked(*call.args, **call.kwargs)
            verdict = "accepted"
        except jaxtyping.TypeCheckError:
            verdict = "refused"
        except jaxtyping.AnnotationError:
            verdict = "no meaning"
        found.append((verdict, *seen))
    return found


def by_jaxtyping(function: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return jaxtyping.jaxtyped(typechecker=beartype)(function)


def by_typedflux(function: Any) -> Any:
    return flux.typed(function)
