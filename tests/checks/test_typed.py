"""`flux.typed` on every kind of function; what is checked, and what passes."""

from __future__ import annotations

import asyncio
import functools
import inspect
import types
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator, Mapping
from typing import Annotated, Any, Literal, NoReturn, TypeVar, Union

import jaxtyping
import numpy as np
import pytest
from jaxtyping import Float, Float32, Int, Shaped

import typedflux as flux
from typedflux import Size, Tensor, nn
from typedflux.shapes.errors import AnnotationError, DTypeError, ShapeError

A = np.ndarray
T = TypeVar("T", bound=Float[A, "n"])


def zeros(*shape: int) -> A:
    made: A = np.zeros(shape, np.float32)
    return made


def refused(call: Callable[[], object], text: str, kind: type[Exception] = ShapeError) -> None:
    """That a call raises the error, of our kind and of jaxtyping's, with `text` in line one."""
    with pytest.raises(kind) as caught:
        call()
    assert isinstance(caught.value, jaxtyping.TypeCheckError)
    assert text in str(caught.value).splitlines()[0]


def anything(value: Any) -> Any:
    """The same value; the type checker forgets what it is."""
    return value


@flux.typed
def several(
    x: Float[A, "n"], /, y: Float[A, "n m"], *rest: Float[A, "m"], k: Size["n"] = 3, **more: int
) -> Float[A, "n m"]:
    return y


def test_all_kinds_of_parameters() -> None:
    call: Any = several
    assert call(zeros(3), zeros(3, 2), zeros(2), zeros(2), a=1, b=2).shape == (3, 2)
    assert call(zeros(4), y=zeros(4, 2), k=4).shape == (4, 2)
    refused(lambda: call(zeros(3), zeros(3, 2), zeros(2), zeros(1)), "argument 'rest[1]'")
    refused(lambda: call(zeros(3), zeros(3, 2), a=1, b="x"), "argument 'b'", TypeError)
    refused(lambda: call(zeros(4), zeros(4, 2)), "argument 'x' has shape \"4\"")
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'y'"):
        call(zeros(3))
    assert list(inspect.signature(several).parameters) == ["x", "y", "rest", "k", "more"]


def test_defaults_are_checked() -> None:
    @flux.typed
    def f(x: Float[A, "n"], scale: Any = 1, k: int = "three") -> None: ...  # type: ignore[assignment]

    refused(lambda: f(zeros(2)), "argument 'k' must be int, got str: 'three'", TypeError)
    f(zeros(2), k=3)

    @flux.typed
    def g(x: Float[A, "n"] = None) -> None: ...  # type: ignore[assignment]

    refused(lambda: g(), "argument 'x' must be Float[ndarray, \"n\"], got None", TypeError)


def test_sizes_bind_first_and_accept_none_where_they_may() -> None:
    @flux.typed
    def f(x: Float[A, "n+1"], n: Size["n"], m: Size["m"] | None = None) -> Float[A, "m"]:
        return zeros(5)

    f(zeros(4), 3)
    f(zeros(4), 3, 5)
    refused(lambda: f(zeros(3), 3), "argument 'x'")
    refused(lambda: f(zeros(4), 3, 6), "the result has shape")
    wrong: Any = f
    wrong(zeros(4), np.int64(3))
    for bad in (True, 3.0, "3", None):
        refused(lambda bad=bad: wrong(zeros(4), bad), "'n' is a size", TypeError)  # type: ignore[misc]
    refused(lambda: f(zeros(0), -1), "is a size, an int of 0 or more; got -1")


def test_the_result_and_what_the_body_binds() -> None:
    @flux.typed
    def f(x: Float[A, "n"], y: Any) -> Float[A, "n m"]:
        assert isinstance(zeros(4), Float[A, "m"])
        assert not isinstance(zeros(4), Float[A, "n"])
        return y  # type: ignore[no-any-return]

    f(zeros(3), zeros(3, 4))
    refused(lambda: f(zeros(3), zeros(3, 5)), 'the result has shape "3 5"')
    refused(lambda: f(zeros(3), None), "the result must be Float", TypeError)


def test_containers_are_checked_to_the_last_element() -> None:
    @flux.typed
    def f(
        xs: list[Float[A, "n"]],
        named: Mapping[str, Float[A, "n 2"]],
        pair: tuple[int, Float[A, "n"]],
        deep: dict[str, list[tuple[Float[A, "n"], ...]]] | None = None,
    ) -> list[Float[A, "n"]]:
        return xs[:3]

    good, pair = [zeros(3)] * 50, (1, zeros(3))
    for _ in range(20):
        f(good, {"a": zeros(3, 2)}, pair, {"a": [(zeros(3),), ()]})
        refused(lambda: f([*good, zeros(4)], {}, pair), "argument 'xs[50]' has shape \"4\"")
    refused(lambda: f(good, {"a": zeros(3, 3)}, pair), "argument 'named[\"a\"]'")
    refused(lambda: f(good, {}, (1, zeros(2))), "argument 'pair[1]'")
    refused(lambda: f(good, {}, pair, {"a": [(zeros(2),)]}), "argument 'deep[\"a\"][0][0]'")
    wrong: Any = f
    refused(lambda: wrong(tuple(good), {}, pair), "must be list[Float[ndarray", TypeError)
    refused(lambda: wrong(good, {}, (1, zeros(3), 2)), "got 3 elements", TypeError)
    refused(lambda: wrong(good, {1: zeros(3, 2)}, pair), "(key 1)", TypeError)


def test_a_limit_on_elements() -> None:
    @flux.typed(elements=2)
    def f(xs: list[Float[A, "n"]], m: dict[str, Float[A, "n"]]) -> None: ...

    f([zeros(3), zeros(3), zeros(9)], {"a": zeros(3), "b": zeros(3), "c": zeros(9)})
    refused(lambda: f([zeros(3), zeros(9)], {}), "argument 'xs[1]'")
    with pytest.raises(ValueError, match="elements is 'all' or a number, not -1"):
        flux.typed(elements=-1)


def test_unions_bind_in_order_and_forget_what_failed() -> None:
    @flux.typed
    def f(
        x: Union[tuple[Float[A, "n"], Float[A, "n"]], tuple[Float[A, "m"], Float[A, "k"]]],
        y: Float[A, "n"],
    ) -> None:
        assert isinstance(zeros(7), Float[A, "n"])

    f((zeros(1), zeros(2)), zeros(7))  # the first alternative has bound n and taken it back
    refused(lambda: f((zeros(1), zeros(1)), zeros(7)), "dimension 'n' is 1 but here it is 7")

    @flux.typed
    def g(x: Float[A, "3"] | Int[A, "4"] | None | str) -> None: ...

    g(zeros(3)), g(None), g("x")
    refused(lambda: g(zeros(4)), "axis 0 is 4, not 3")
    wrong: Any = g
    refused(lambda: wrong(1), "| None | str, got int: 1", TypeError)


def test_aliases_variables_and_annotated() -> None:
    @flux.typed
    def f(x: T, y: T, z: Annotated[Float[A, "n"], "of things"], mode: Literal["a", "b"] = "a") -> T:
        return x

    f(zeros(3), zeros(3), zeros(3))
    refused(lambda: f(zeros(3), zeros(4), zeros(3)), "argument 'y'")
    refused(lambda: f(zeros(3), zeros(3), zeros(2)), "argument 'z'")
    wrong: Any = f
    refused(lambda: wrong(zeros(3), zeros(3), zeros(3), "c"), "argument 'mode'", TypeError)


def test_everything_else_is_beartypes() -> None:
    @flux.typed
    def f(
        a: float, b: list[int], c: Callable[[int], int] | None, d: "Later", *, e: bool = False
    ) -> str:
        return "x" if e else 3  # type: ignore[return-value]

    wrong: Any = f
    assert f(1, [1], None, Later(), e=True) == "x"  # an int where a float is wanted, as in mypy
    refused(lambda: wrong("1", [1], None, Later()), "argument 'a' must be float", TypeError)
    refused(lambda: wrong(1.0, ["1"], None, Later()), "argument 'b' must be list[int]", TypeError)
    refused(lambda: wrong(1.0, [1], 3, Later()), "argument 'c'", TypeError)
    refused(lambda: wrong(1.0, [1], None, 3), "argument 'd' must be Later, got int: 3", TypeError)
    refused(lambda: wrong(1.0, [1], None, Later()), "the result must be str", TypeError)


class Later: ...


def test_dtypes_and_kinds_of_arrays() -> None:
    @flux.typed
    def f(x: Float32[A, "n"], y: Shaped[Any, "n"], z: Float[Tensor, "n"] | None = None) -> None: ...

    f(zeros(2), flux.ones(2), flux.ones(2))
    wrong: Any = f
    refused(lambda: f(np.zeros(2), zeros(2)), 'dtype float64: convert it with .astype("float32")',
            DTypeError)  # fmt: skip
    refused(lambda: wrong(flux.ones(2), zeros(2)), "must be Float32[ndarray", TypeError)
    refused(lambda: wrong(zeros(2), [1, 2]), "argument 'y' must be Shaped[Any", TypeError)
    refused(lambda: wrong(zeros(2), zeros(2), zeros(2)), "convert it with flux.asarray", TypeError)
    refused(lambda: f(zeros(2), zeros(3)), "argument 'y' has shape \"3\"")
    swapped = np.zeros(2, np.dtype(np.float32).newbyteorder())
    f(swapped, zeros(2))


def test_broadcasting_and_starred_names() -> None:
    @flux.typed
    def f(x: Float[A, "*#s 2"], y: Float[A, "*#s 2"]) -> Float[A, "*s 2"]:
        return x + y  # type: ignore[no-any-return]

    f(zeros(1, 2), zeros(5, 1, 2))
    refused(lambda: f(zeros(3, 2), zeros(4, 2)), "these do not broadcast")

    @flux.typed
    def g(x: Float[A, "#n *b"], y: Float[A, "#n *b"], z: Float[A, "... n"]) -> None: ...

    g(zeros(1, 2), zeros(4, 2), zeros(9, 4))
    g(zeros(1), zeros(1), zeros(7))
    refused(lambda: g(zeros(3, 2), zeros(4, 2), zeros(3)), "argument 'y'")
    refused(lambda: g(zeros(3, 2), zeros(3, 1), zeros(3)), "'*b' is (2) but here it is (1)")


def test_placeholders_and_arithmetic() -> None:
    @flux.typed
    def f(k: int, x: Float[A, "n {k}"], y: Float[A, "2*n+{k} min(n,2)"]) -> Float[A, "n//2 {k}%2"]:
        return zeros(x.shape[0] // 2, k % 2)

    f(3, zeros(4, 3), zeros(11, 2))
    refused(lambda: f(3, zeros(4, 2), zeros(11, 2)), "argument 'x'")
    refused(lambda: f(3, zeros(4, 3), zeros(10, 2)), "axis 0 is 10, but 2*n+{k} is 11 (n=4)")


def test_annotations_without_meaning() -> None:
    @flux.typed
    def f(x: Float[A, "n+1"]) -> None: ...

    with pytest.raises(AnnotationError, match=r"f: argument 'x': symbolic axis 'n\+1' needs 'n'"):
        f(zeros(3))
    with pytest.raises(jaxtyping.AnnotationError):
        f(zeros(3))

    @flux.typed
    def g(x: Float[A, "n"], k: int) -> Float[A, "n//{k}"]:
        return x

    refused(lambda: g(zeros(3), 0), "cannot be computed", AnnotationError)


def test_modules_with_dims() -> None:
    @flux.typed
    def f(m: nn.Dense["n", 10], x: Float32[Tensor, "b n"]) -> Float32[Tensor, "b 10"]:  # type: ignore[name-defined]
        return m(x)

    g: Any = f
    assert g(nn.Dense(4, 10), flux.ones((2, 4))).shape == (2, 10)
    refused(lambda: g(nn.Dense(4, 11), flux.ones((2, 4))), "Out is 11, not 10")
    refused(lambda: g(nn.Dense(4, 10), flux.ones((2, 5))), "dimension 'n' is 4")
    refused(lambda: g(nn.Scale(4), flux.ones((2, 4))), 'must be Dense["n", 10]', TypeError)


def test_generators() -> None:
    closed = []

    @flux.typed
    def f(x: Float[A, "n"], last: Any) -> Generator[Float[A, "n"], Float[A, "n"], int]:
        try:
            got = yield x
            assert isinstance(zeros(2), Float[A, "m"])
            got = yield got
            yield last
        finally:
            closed.append(True)
        return last  # type: ignore[no-any-return]

    assert inspect.isgeneratorfunction(f)
    steps = f(zeros(3), zeros(3))
    assert next(steps).shape == (3,)
    assert not isinstance(zeros(4), Float[A, "4 3"])  # the scope is not on the stack in between
    steps.send(zeros(3))
    assert next(steps).shape == (3,)
    refused(lambda: next(steps), "the result must be int", TypeError)
    steps = f(zeros(3), zeros(4))
    next(steps)
    refused(lambda: steps.send(zeros(4)), 'what is sent to it has shape "4"')
    assert len(closed) == 2
    steps = f(zeros(3), zeros(4))
    next(steps), steps.send(zeros(3))
    refused(lambda: next(steps), 'what it yields has shape "4", expected Float[ndarray')
    refused(lambda: next(f(zeros(3, 3), 1)), "argument 'x'")

    @flux.typed
    def g(x: Float[A, "n"]) -> Iterator[Float[A, "n"]]:
        try:
            yield x
        except KeyError:
            yield x + 1

    values = g(zeros(2))
    next(values)
    assert values.throw(KeyError("x")).tolist() == [1, 1]  # type: ignore[attr-defined]
    assert next(iter(g(zeros(1)))).shape == (1,)


def test_coroutines_and_asynchronous_generators() -> None:
    @flux.typed
    async def f(x: Float[A, "n"], y: Any) -> Float[A, "n m"]:
        assert isinstance(zeros(2), Float[A, "m"])
        await asyncio.sleep(0)
        return y  # type: ignore[no-any-return]

    @flux.typed
    async def g(x: Float[A, "n"], *more: Any) -> AsyncIterator[Float[A, "n"]]:
        yield x
        await asyncio.sleep(0)
        for item in more:
            yield item

    @flux.typed
    async def h(x: Float[A, "n"]) -> AsyncGenerator[Float[A, "n"], Float[A, "n"]]:
        try:
            got = yield x
            got = yield got
        except KeyError:
            yield x

    async def main() -> None:
        # Many at once, each with sizes of its own.
        sizes = range(1, 20)
        got = await asyncio.gather(*[f(zeros(n), zeros(n, 2)) for n in sizes])
        assert [out.shape[0] for out in got] == list(sizes)
        with pytest.raises(ShapeError, match="the result"):
            await f(zeros(3), zeros(3, 3))
        with pytest.raises(ShapeError, match="argument 'x'"):
            await f(zeros(3, 3), zeros(3, 3))
        for _ in range(2):
            assert [v.shape async for v in g(zeros(2), zeros(2))] == [(2,), (2,)]
        with pytest.raises(ShapeError, match="what it yields"):
            _ = [v async for v in g(zeros(2), zeros(3))]
        for _ in range(2):  # the first call goes another way
            steps = h(zeros(2))
            await anext(steps)
            assert (await steps.asend(zeros(2))).shape == (2,)
            with pytest.raises(StopAsyncIteration):
                await anext(steps)
            steps = h(zeros(2))
            await anext(steps)
            assert (await steps.athrow(KeyError("x"))).shape == (2,)
            await steps.aclose()
        steps = h(zeros(2))
        await anext(steps)
        with pytest.raises(ShapeError, match="what is sent to it"):
            await steps.asend(zeros(3))

    assert inspect.iscoroutinefunction(f) and inspect.isasyncgenfunction(g)
    asyncio.run(main())


def test_nested_decorated_lambda_and_partial() -> None:
    def outer(n: int) -> Callable[..., Any]:
        Row = Float[A, f"{n}"]  # a name that only annotations in quotes use

        @flux.typed
        def inner(x: "Row") -> None: ...

        return inner

    outer(3)(zeros(3))
    refused(lambda: outer(3)(zeros(4)), "inner: argument 'x' has shape \"4\"")

    def twice(f: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(f)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return f(*args, **kwargs)

        return wrapper

    @flux.typed
    @twice
    def decorated(x: Float[A, "3"]) -> None: ...

    refused(lambda: decorated(zeros(4)), "decorated: argument 'x'")

    anonymous: Any = lambda x: x  # noqa: E731
    anonymous.__annotations__ = {"x": Float[A, "3"]}
    refused(lambda: flux.typed(anonymous)(zeros(4)), "lambda (test_typed.py:")

    def add(x: Float[A, "n"], y: Float[A, "n"]) -> Float[A, "n"]:
        return x + y  # type: ignore[no-any-return]

    partly: Any = flux.typed(functools.partial(add, zeros(3)))
    assert isinstance(partly, functools.partial) and partly(zeros(3)).shape == (3,)
    refused(lambda: partly(zeros(4)), "add: argument 'y' has shape \"4\"")


def test_it_is_applied_once_and_leaves_alone_what_it_should() -> None:
    from typing import no_type_check

    def f(x: int) -> int:
        return x

    once = flux.typed(f)
    assert flux.typed(once) is once
    free: Any = flux.typed(no_type_check(f))
    assert free("x") == "x"
    with pytest.raises(TypeError, match="decorates functions and classes, not 3"):
        flux.typed(3)
    assert isinstance(once, types.FunctionType) and once.__name__ == "f"

    @flux.typed
    def never(x: int) -> NoReturn:
        raise KeyError(x)

    with pytest.raises(KeyError):
        never(1)

    @flux.typed
    def shadowing(id: int, len: int, isinstance: Float[A, "len"], min: int = 1) -> int:
        return id + len + min

    assert shadowing(1, 2, zeros(3)) == 4


def test_jaxtyped_code_beside_it() -> None:
    from beartype import beartype

    @jaxtyping.jaxtyped(typechecker=beartype)
    def theirs(x: Float[A, "n"]) -> Float[A, "n"]:
        return ours(x, zeros(2))[:1] if x.shape == (9,) else ours(x, zeros(2))

    @flux.typed
    def ours(x: Float[A, "m"], n: Float[A, "n"]) -> Float[A, "m"]:
        assert not isinstance(zeros(3), Float[A, "n"])
        return x

    assert theirs(zeros(3)).shape == (3,)
    with pytest.raises(jaxtyping.TypeCheckError):
        theirs(zeros(9))


def test_under_jit_checks_run_while_tracing_only() -> None:
    runs = []

    def f(x: Float32[Tensor, "n m"], w: Float32[Tensor, "m k"]) -> Float32[Tensor, "n k"]:
        runs.append(isinstance(x, Float32[Tensor, "n m"]))
        return x @ w

    for jitted in (flux.jit(flux.typed(f)), flux.typed(flux.jit(f))):
        runs.clear()
        for n in (2, 3, 4):
            assert jitted(flux.ones((n, 3)), flux.ones((3, 2))).shape == (n, 2)
        assert runs == [True]
        refused(lambda jitted=jitted: jitted(flux.ones((2, 3)), flux.ones((4, 2))), "argument 'w'")  # type: ignore[misc]


def test_under_gradient_and_vmap() -> None:
    @flux.typed
    def f(x: Float32[Tensor, "n"], w: Float32[Tensor, "n"]) -> Float32[Tensor, ""]:
        return (x * w).sum()

    assert flux.gradient(f, flux.ones(3), flux.ones(3))[0].shape == (3,)
    assert flux.vmap(f)(flux.ones((5, 3)), flux.ones((5, 3))).shape == (5,)
    refused(lambda: anything(flux.gradient)(f, flux.ones(3), flux.ones(4)), "argument 'w'")


def test_sizes_that_disagree() -> None:
    @flux.typed
    def f(n: Size["n"], m: Size["n"], k: Size["2*n"], l: Size["3"] = 3) -> None: ...  # noqa: E741

    wrong = anything(f)
    wrong(2, 2, 4)
    refused(lambda: wrong(2, 3, 4), "'m' must be Size[\"n\"]: dimension 'n' is 2 but here it is 3")
    refused(
        lambda: wrong(2, 2, 5), "argument 'k' must be Size[\"2*n\"]: it is 5, but 2*n is 4 (n=2)"
    )
    refused(lambda: wrong(2, 2, 4, 5), "argument 'l' must be Size[\"3\"]: it is 5, not 3")


def test_errors_of_large_values_are_short_and_quick() -> None:
    @flux.typed
    def f(x: Float[A, "n"], y: list[int]) -> None: ...

    wrong: Any = f
    refused(lambda: wrong(list(range(10**6)), []), "must be Float[ndarray", TypeError)
    refused(lambda: wrong(zeros(2), ["x" * 10**6] * 100), "must be list[int], got list:", TypeError)
