"""The annotation language against jaxtyping itself: same verdicts, same bindings."""

import random
from collections.abc import Sequence

import jaxtyping
import pytest
from jaxtyping import Shaped
from jaxtyping._storage import get_shape_memo

from typedflux.shapes.errors import AnnotationError
from typedflux.shapes.spec import parse
from typedflux.shapes.unify import Bindings, bind

Observed = tuple[str, dict[str, int], dict[str, tuple[bool, tuple[int, ...]]]]

NAMES = ("a", "b", "c")
PLAIN = ("4", "3", "1", "a", "b", "c", "_", "_a", "n=3", "n=a", "n=#b", "#a", "#b", "#3", "#n=2")
STARRED = ("...", "*a", "*b", "*#a", "#*b", "*_", "n=*a")
SYMBOLIC = (
    *("a+1", "a*b", "a-b", "2*a", "a//2", "a%2", "min(a,b)", "max(a,b,2)", "#a+1", "n=a+b"),
    *("a/2", "a/b", "-a+4", "abs(a-b)", "a**2", "(a+b)//2", "{k}", "{k}+a", "{o.m}*2", "a{k}"),
    *("a==b", "a-", "{missing}", "len((a,b))", "(a)if(a>b)else(b)", "1.5", "0x2", "a<b<c"),
    *("(a", "a'", "{k}{k}", "{{a}}", "max(a)", "a//0", "{o.m:d}", "not(a)", "(a)and(b)", "a=b=c"),
    *("+a", "~a", "(a,b)[0]", "sum((a,b))", "{k+1}", "a if"),
)
MALFORMED = (
    *("##a", "**a", "__a", "*4", "_4", "#_", "_#a", "*a+1", "_a+1", "a,b", "a#", "...a", "a..."),
    *("?4", "?a+1", "??a", "#", "*", "=", "a=", "#=", "*#", "min(a,b", "[a,b]", "*a=4", "_n=4"),
    *("?a", "?*a", "?_", "n=...", "#...", "+", "a=b==c", "_+1", "1_0", "é", "True", "#a=#b"),
)


class Sized:
    """The least that jaxtyping takes for an array."""

    dtype = "float32"

    def __init__(self, shape: Sequence[int]) -> None:
        self.shape = tuple(shape)


class Holder:
    m = 2


ARGUMENTS: dict[str, object] = {"k": 2, "o": Holder()}


def reference(pairs: Sequence[tuple[str, tuple[int, ...]]]) -> list[Observed]:
    """Each step's verdict by jaxtyping, with the bindings that stand after it."""
    seen: list[Observed] = []

    def body(k: object, o: object) -> None:
        for text, shape in pairs:
            try:
                annotation = Shaped[Sized, text]
            except ValueError:
                verdict = "refused"
            else:
                try:
                    verdict = "fits" if isinstance(Sized(shape), annotation) else "differs"
                except Exception:
                    verdict = "error"
            single, variadic, _, _ = get_shape_memo()  # type: ignore[no-untyped-call]
            seen.append((verdict, dict(single), dict(variadic)))

    jaxtyping.jaxtyped(body, typechecker=None)(**ARGUMENTS)
    return seen


def ours(pairs: Sequence[tuple[str, tuple[int, ...]]]) -> list[Observed]:
    scope, seen = Bindings(), list[Observed]()
    for text, shape in pairs:
        try:
            spec = parse(text)
        except AnnotationError:
            verdict = "refused"
        else:
            try:
                verdict = "fits" if bind(spec, shape, scope, ARGUMENTS) is None else "differs"
            except AnnotationError:
                verdict = "error"
        variadic = {k: (k in scope.widening, v) for k, v in scope.variadic.items()}
        seen.append((verdict, dict(scope.single), variadic))  # type: ignore[arg-type]
    return seen


def random_text(rng: random.Random) -> str:
    words = [rng.choice(PLAIN) for _ in range(rng.randrange(4))]
    if rng.random() < 0.35:
        words.append(rng.choice(STARRED))
    if rng.random() < 0.35:
        words.append(rng.choice(SYMBOLIC))
    if rng.random() < 0.06:
        words.append(rng.choice(MALFORMED))
    rng.shuffle(words)
    return rng.choice((" ", "  ")).join(words)


def random_shape(rng: random.Random, text: str, sizes: dict[str, int]) -> tuple[int, ...]:
    """A shape that has a fair chance of fitting."""
    shape: list[int] = []
    for word in text.split():
        body = word.rpartition("=")[2].lstrip("#_?")
        if rng.random() < 0.06:
            continue
        if "#" in word and rng.random() < 0.3 and "*" not in word:
            shape.append(1)
        elif body in sizes and rng.random() < 0.93:
            shape.append(sizes[body])
        elif word in STARRED:
            tail = [sizes["a"], sizes["b"], 1][rng.randrange(2) :]
            shape += [1 if "#" in word and rng.random() < 0.4 else size for size in tail]
        elif body.isdigit():
            shape.append(int(body))
        else:
            try:
                shape.append(int(eval(body.replace("{k}", "2").replace("{o.m}", "2"), dict(sizes))))
            except Exception:
                shape.append(rng.randrange(5))
    return tuple(shape)


@pytest.mark.parametrize("seed", range(8))
def test_sequences_of_annotations_agree_with_jaxtyping(seed: int) -> None:
    rng = random.Random(seed)
    counts = dict.fromkeys(("fits", "differs", "error", "refused"), 0)
    for _ in range(800):
        sizes = {name: rng.randrange(6) for name in NAMES}
        texts = [random_text(rng) for _ in range(rng.randrange(1, 6))]
        pairs = [(text, random_shape(rng, text, sizes)) for text in texts]
        expected, got = reference(pairs), ours(pairs)
        for step, (theirs, mine) in enumerate(zip(expected, got, strict=True)):
            assert mine == theirs, (pairs[: step + 1], mine, theirs)
            counts[theirs[0]] += 1
    # The comparison means something only if every verdict is well represented.
    assert counts["fits"] > 1200 and counts["differs"] > 120, counts
    assert counts["error"] > 250 and counts["refused"] > 50, counts


@pytest.mark.parametrize("word", (*PLAIN, *STARRED, *SYMBOLIC, *MALFORMED))
def test_every_word_alone_and_after_bindings(word: str) -> None:
    for rank in range(4):
        for size in (0, 1, 2, 3, 4):
            shape = (size,) * rank
            pairs = [(word, shape), ("a b c", (2, 3, 2)), ("*a *b", shape), ("*a", (1, 3))]
            pairs += [("*#b", (2, 1)), (word, shape), (f"{word} a", (*shape, 2)), (word, shape)]
            assert ours(pairs) == reference(pairs), word
