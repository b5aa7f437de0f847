"""Operations in all their forms: what is known of their results, and what is wrong with calls."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mypy_plugin.expecting import findings, parametrised, problem, unexpected
from tests.mypy_plugin.running import check

PROGRAM = """
from typing import Any, Final
import numpy as np
from jaxtyping import Bool, Float, Float32, Float64, Int, Int64
import typedflux as flux
from typedflux import Tensor, concat, losses, ops, split, stack, unstack

PERM: Final = (2, 0, 1)
AXES = (0, 2)


def known(
    x: Float32[Tensor, "32 784"], w: Float32[Tensor, "784 10"], z: Float32[Tensor, "2 n 784"],
    i: Int[Tensor, "32"], q: Float32[Tensor, "b c h w"], y: Float32[Tensor, "n"],
    b: Bool[Tensor, "32 784"],
) -> None:
    reveal_type(x @ w + 1)  # => Float32[Tensor, '32 10']
    reveal_type(1 - x)  # => Float32[Tensor, '32 784']
    reveal_type(2**x)  # => Float32[Tensor, '32 784']
    reveal_type(x / x.sum(axis=-1, keepdims=True))  # => Float32[Tensor, '32 784']
    reveal_type(-x.mT)  # => Float32[Tensor, '784 32']
    reveal_type(abs(y) > 0)  # => Bool[Tensor, 'n']
    reveal_type(~b)  # => Bool[Tensor, '32 784']
    reveal_type(b & (x > 0))  # => Bool[Tensor, '32 784']
    b + b  # !! needs numbers, got bool  [tensor-dtype]
    reveal_type(i / 2)  # => Float32[Tensor, '32']
    reveal_type(i // 2)  # => Int[Tensor, '32']
    reveal_type(i + True)  # => Int[Tensor, '32']
    reveal_type(i * 1.5)  # => Float32[Tensor, '32']
    reveal_type(x * np.float64(2.0))  # => Inexact[Tensor, '32 784']
    reveal_type(i.sum())  # => Int64[Tensor, '']
    reveal_type(b.sum(axis=1))  # => Int64[Tensor, '32']
    reveal_type(x.argmax(axis=1))  # => Int64[Tensor, '32']
    reveal_type(x.mean())  # => Float32[Tensor, '']
    reveal_type(z.sum(axis=AXES))  # => Float32[Tensor, 'n']
    reveal_type(z.permute_dims(PERM))  # => Float32[Tensor, '784 2 n']
    reveal_type(z.permute_dims([2, 0, 1]))  # => Float32[Tensor, '784 2 n']
    reveal_type(z.transpose())  # => Float32[Tensor, '784 n 2']
    reveal_type(z.reshape((z.shape[1], -1)))  # => Float32[Tensor, 'n 1568']
    reveal_type(x.reshape(*x.shape[:-1], 28, 28))  # => Float32[Tensor, '32 28 28']
    reveal_type(x.reshape(x.shape[:1] + (4, 196)))  # => Float32[Tensor, '32 4 196']
    reveal_type(x[0])  # => Float32[Tensor, '784']
    reveal_type(x[:, -1])  # => Float32[Tensor, '32']
    reveal_type(x[::2, 1:])  # => Float32[Tensor, '16 783']
    reveal_type(x[..., None, :5])  # => Float32[Tensor, '32 1 5']
    reveal_type(x[i])  # => Float32[Tensor, '32 784']
    reveal_type(x[:, i])  # => Float32[Tensor, '32 32']
    reveal_type(x[i, i])  # => Float32[Tensor, '32']
    reveal_type(x[x > 0])  # => Float32[Tensor, '_']
    reveal_type(x[(slice(None), 0)])  # => Float32[Tensor, '32']
    reveal_type(x[[0, 2], 1:3])  # => Float32[Tensor, '2 2']
    reveal_type(concat([x, x[:3]]))  # => Float32[Tensor, '35 784']
    reveal_type(concat((w, w), axis=1))  # => Float32[Tensor, '784 20']
    reveal_type(stack([x, x], axis=-1))  # => Float32[Tensor, '32 784 2']
    reveal_type(split(x, [10, 20], axis=1)[1])  # => Float32[Tensor, '32 10']
    reveal_type(unstack(z, axis=0)[0])  # => Float32[Tensor, 'n 784']
    reveal_type(flux.rearrange(q, "b c h w -> b (h w) c"))  # => Float32[Tensor, 'b h*w c']
    reveal_type(flux.rearrange(q, f"b c h w -> {'b'} (h w c)"))  # => Float32[Tensor, 'b c*h*w']
    reveal_type(flux.einops_repeat(y, "n -> n k", k=3))  # => Float32[Tensor, 'n 3']
    reveal_type(flux.max_pool(q, (2, 2)))  # => Float32[Tensor, 'b c h//2 w//2']
    reveal_type(flux.where(x > 0, x, 0))  # => Float32[Tensor, '32 784']
    reveal_type(flux.zeros_like(i, dtype=flux.float64))  # => Float64[Tensor, '32']
    reveal_type(flux.zeros((3, *x.shape), dtype=x.dtype))  # => Float32[Tensor, '3 32 784']
    reveal_type(flux.ones(z.shape[1:]))  # => Float32[Tensor, 'n 784']
    reveal_type(flux.arange(10))  # => Int64[Tensor, '10']
    reveal_type(flux.linspace(0, 1, 5))  # => Float32[Tensor, '5']
    reveal_type(flux.full((2, 3), 7))  # => Int64[Tensor, '2 3']
    reveal_type(flux.eye(4))  # => Float32[Tensor, '4 4']
    reveal_type(flux.asarray([[1.0, 2.0], [3.0, 4.0]]))  # => Float32[Tensor, '2 2']
    reveal_type(flux.randn((2, 3)))  # => Float32[Tensor, '2 3']
    reveal_type(flux.randint(0, 10, (4,)))  # => Int64[Tensor, '4']
    reveal_type(flux.permutation(10))  # => Int64[Tensor, '10']
    reveal_type(flux.bernoulli(0.5, (3, 4)))  # => Bool[Tensor, '3 4']
    reveal_type(flux.one_hot(i, 10))  # => Float32[Tensor, '32 10']
    reveal_type(i.astype(flux.float32))  # => Float32[Tensor, '32']
    reveal_type(i.astype(float))  # => Float32[Tensor, '32']
    reveal_type(flux.sort(x))  # => Float32[Tensor, '32 784']
    reveal_type(flux.topk(x, 5))  # => tuple[Float32[Tensor, '32 5'], Int64[Tensor, '32 5']]
    reveal_type(flux.unique_values(x))  # => Float32[Tensor, '_']
    reveal_type(flux.cumulative_sum(x, axis=1))  # => Float32[Tensor, '32 784']
    reveal_type(flux.roll(x, 1, axis=0))  # => Float32[Tensor, '32 784']
    reveal_type(flux.pad(x, ((1, 1), (0, 0))))  # => Float32[Tensor, '34 784']
    reveal_type(flux.tile(x, (2, 3)))  # => Float32[Tensor, '64 2352']
    reveal_type(flux.repeat(x, 3, axis=0))  # => Float32[Tensor, '96 784']
    reveal_type(flux.take(x, i, axis=1))  # => Float32[Tensor, '32 32']
    reveal_type(flux.softmax(x))  # => Float32[Tensor, '32 784']
    reveal_type(flux.clip(x, 0, 1))  # => Float32[Tensor, '32 784']
    reveal_type(flux.maximum(x, 0))  # => Float32[Tensor, '32 784']
    reveal_type(flux.outer(y, i))  # => Float32[Tensor, 'n 32']
    reveal_type(flux.vecdot(x, x))  # => Float32[Tensor, '32']
    reveal_type(flux.tril(x @ x.mT))  # => Float32[Tensor, '32 32']
    reveal_type(flux.broadcast_to(y, (5, *y.shape)))  # => Float32[Tensor, '5 n']
    reveal_type(losses.mse(x, x))  # => Float32[Tensor, '']
    reveal_type(losses.logitcrossentropy(x, i))  # => Float32[Tensor, '']
    reveal_type(losses.logitcrossentropy(x, i, agg=flux.identity))  # => Float32[Tensor, '32']
    reveal_type(x.at[0].set(0.0))  # => Float32[Tensor, '32 784']
    reveal_type(x.at[:, 1:].add(1.0))  # => Float32[Tensor, '32 784']
    reveal_type(x.shape)  # => tuple[Size['32'], Size['784']]
    reveal_type(x.mT.shape[0])  # => Size['784']
    reveal_type(x.ndim)  # => Size['2']
    reveal_type(flux.max(x, axis=1, keepdims=True) - x)  # => Float32[Tensor, '32 784']


def unknown(
    t: Tensor, v: Float32[Tensor, "*batch n"], o: Float32[Tensor, "..."],
    u: Float32[Tensor, "_ 784"],
    f: Float[Tensor, "n"], x: Float32[Tensor, "32 784"], z: Float32[Tensor, "2 n 784"],
    w: Float32[Tensor, "784 10"], k: int, flag: bool, number: float, a: Any, sizes: tuple[int, ...],
    xs: list[Float32[Tensor, "3 4"]], rng: flux.Generator, dtype: flux.DType,
    either: Float32[Tensor, "2 3"] | Float32[Tensor, "2 4"], y: Float32[Tensor, "n"],
    maybe: Float32[Tensor, "n"] | None,
) -> None:
    reveal_type(v.sum(axis=-1))  # => Float32[Tensor, '*batch']
    reveal_type(v.sum(axis=0))  # => Float32[Tensor, '...']
    reveal_type(v * 2)  # => Float32[Tensor, '*batch n']
    reveal_type(v @ v.mT)  # => Float32[Tensor, '...']
    reveal_type(v[..., 0])  # => Float32[Tensor, '*batch']
    reveal_type(v.reshape((*v.shape[:-1], 2, -1)))  # => Float32[Tensor, '*batch 2 n//2']
    reveal_type(v.mean(axis=-1, keepdims=True))  # => Float32[Tensor, '*batch 1']
    reveal_type(flux.softmax(v))  # => Float32[Tensor, '*batch n']
    reveal_type(concat([v, v], axis=-1))  # => Float32[Tensor, '*batch 2*n']
    reveal_type(o.mean(axis=(-2, -1)))  # => Float32[Tensor, '...']
    reveal_type(t @ w)  # => Inexact[Tensor, '... 10']
    reveal_type(t + x)  # => Inexact[Tensor, '... 32 784']
    reveal_type(t.reshape((2, -1)))  # => Shaped[Tensor, '2 _']
    reveal_type(u @ w)  # => Float32[Tensor, '_ 10']
    reveal_type(f + 1)  # => Float[Tensor, 'n']
    reveal_type(f.astype(flux.float64))  # => Float64[Tensor, 'n']
    reveal_type(x.sum(axis=k))  # => Float32[Tensor, '_']
    reveal_type(z.sum(axis=k))  # => Float32[Tensor, '_ _']
    reveal_type(z.sum(axis=k, keepdims=True))  # => Float32[Tensor, '_ _ _']
    reveal_type(x.sum(axis=1, keepdims=flag))  # => Float32[Tensor, '32 ...']
    reveal_type(x.mean(axis=1 if flag else 0))  # => Float32[Tensor, '_']
    reveal_type(x * k)  # => Float32[Tensor, '32 784']
    reveal_type(x * number)  # => Float32[Tensor, '32 784']
    reveal_type(x[k])  # => Float32[Tensor, '784']
    reveal_type(x[k:])  # => Float32[Tensor, '_ 784']
    reveal_type(x[:, k])  # => Float32[Tensor, '32']
    reveal_type(x[a])  # => Float32[Tensor, '...']
    reveal_type(x[:k, None])  # => Float32[Tensor, '_ 1 784']
    reveal_type(flux.zeros((3, k)))  # => Float32[Tensor, '3 _']
    reveal_type(flux.zeros((3, a)))  # => Float32[Tensor, '3 _']
    reveal_type(flux.zeros(sizes))  # => Float32[Tensor, '...']
    reveal_type(flux.zeros(k))  # => Float32[Tensor, '_']
    reveal_type(flux.zeros((2, 3), dtype=dtype))  # => Shaped[Tensor, '2 3']
    reveal_type(flux.randn((3, k), rng=rng))  # => Float32[Tensor, '3 _']
    reveal_type(flux.arange(0.0, number, 0.1))  # => Float32[Tensor, '_']
    reveal_type(flux.linspace(0.0, number, 5))  # => Float32[Tensor, '5']
    reveal_type(flux.asarray([number, 2.0]))  # => Float32[Tensor, '2']
    reveal_type(flux.one_hot(flux.argmax(x, axis=1), k))  # => Float32[Tensor, '32 _']
    reveal_type(flux.repeat(x, k, axis=0))  # => Float32[Tensor, '_ 784']
    reveal_type(flux.roll(x, k, axis=0))  # => Float32[Tensor, '32 784']
    reveal_type(stack(xs))  # => Float32[Tensor, '_ 3 4']
    reveal_type(concat(xs, axis=1))  # => Float32[Tensor, '3 _']
    reveal_type(stack([e.sum(axis=0) for e in xs]))  # => Float32[Tensor, '_ 4']
    reveal_type(stack([x[i] for i in range(4)]))  # => Float32[Tensor, '4 784']
    reveal_type([e * 2 for e in xs])  # => list[Float32[Tensor, '3 4']]
    reveal_type(either * 2)  # => Float32[Tensor, '2 3'] | Float32[Tensor, '2 4']
    reveal_type(either.sum(axis=0))  # => Float32[Tensor, '3'] | Float32[Tensor, '4']
    reveal_type(maybe + 1 if maybe is not None else y)  # => Float32[Tensor, 'n']
    reveal_type(x @ w if flag else x)  # => Float32[Tensor, '32 10'] | Float32[Tensor, '32 784']
    reveal_type(a + x)  # => Any


def written(
    y: Float32[Tensor, "n"], p: Float32[Tensor, "n 1"], m: Float32[Tensor, "n k"]
) -> None:
    reveal_type(y[:, None] - y)  # => Float32[Tensor, 'n n']
    reveal_type((y[:, None] * 2) - y)  # => Float32[Tensor, 'n n']
    reveal_type(m.sum(axis=1, keepdims=True) - y)  # => Float32[Tensor, 'n n']
    reveal_type(flux.expand_dims(y, axis=1) - y)  # => Float32[Tensor, 'n n']
    reveal_type(y.reshape((-1, 1)) - y)  # => Float32[Tensor, 'n n']
    reveal_type(p[:, 0] - y)  # => Float32[Tensor, 'n']
    reveal_type(p - y[:, None])  # => Float32[Tensor, 'n 1']
    reveal_type(p * p.mT)  # => Float32[Tensor, 'n n']
    reveal_type(flux.concat([p, p], axis=1))  # => Float32[Tensor, 'n 2']
    reveal_type(m - m.mean(axis=0))  # => Float32[Tensor, 'n k']


def wrong(
    x: Float32[Tensor, "batch 784"], w: Float32[Tensor, "10 784"], q: Float32[Tensor, "b c h w"],
    k: Float32[Tensor, "8 3 5 5"], y: Float32[Tensor, "batch"], i: Int64[Tensor, "batch"],
    z: Float32[Tensor, "n m"], m: Bool[Tensor, "n n"], d: Float64[Tensor, "784"],
    v: Float32[Tensor, "*lead 4"], u: Float32[Tensor, "6"], p: Float32[Tensor, "batch 1"],
    s: Float32[Tensor, "5 1"], r: Float32[Tensor, "5"], t: Tensor, n: int,
    either: Float32[Tensor, "2 3"] | Float32[Tensor, "2 4"], three: Float32[Tensor, "2 3"],
) -> None:
    x @ w  # !! the last axis of the first operand is 784, the second to last of the second is
    w @ x  # !! the last axis of the first operand is 784, the second to last of the second is
    x @ d @ u  # !! the last axis of the first operand is batch, the axis of the second is 6
    y @ x @ x  # !! the last axis of the first operand is 784, the second to last of the second
    v @ v
    x + y  # !! cannot broadcast 'batch 784' with 'batch': axis -1 has sizes 784 and batch;
    x + x.T  # !! cannot broadcast 'batch 784' with '784 batch': axis -2 has sizes batch and 784
    z + z.sum(axis=1)  # !! cannot broadcast 'n m' with 'n': axis -1 has sizes m and n; 'n 1'
    u - flux.ones(5)  # !! cannot broadcast '6' with '5': axis -1 has sizes 6 and 5
    1 + x + u  # !! cannot broadcast 'batch 784' with '6': axis -1 has sizes 784 and 6
    x * either  # !! cannot broadcast 'batch 784' with '2 3': axis -2 has sizes batch and 2
    x < u  # !! cannot broadcast 'batch 784' with '6': axis -1 has sizes 784 and 6
    x.reshape((28, 28))  # !! cannot reshape 'batch 784' (784*batch elements) to '28 28' (784
    u.reshape((4, -1))  # !! cannot reshape '6' (6 elements) to '4 -1': 6 is not a multiple of 4
    x.reshape((-1, -1))  # !! cannot reshape 'batch 784' (784*batch elements) to '-1 -1': only
    x.sum(axis=2)  # !! axis 2 does not exist in 2 axes: valid are -2 to 1  [tensor-shape]
    x.mean(axis=(0, 0))  # !! axis 0 is named twice in (0, 0)  [tensor-shape]
    x.permute_dims((0, 2))  # !! axis 2 does not exist in 2 axes: valid are -2 to 1
    x.permute_dims((0,))  # !! cannot permute 'batch 784' by (0,): 2 axes need 2 numbers
    q.squeeze(axis=1)  # !! cannot squeeze axis 1 of 'b c h w': its size is c, not 1
    x.T.T.T @ w  # !! the last axis of the first operand is batch, the second to last of the
    q.T  # !! x.T is for matrices, this tensor has shape (b, c, h, w): use x.mT to exchange the
    concat([x, y], axis=1)  # !! cannot concatenate 'batch 784' and 'batch' along axis 1: they
    concat([x, w], axis=1)  # !! cannot concatenate 'batch 784' and '10 784' along axis 1: axis
    stack([x, w])  # !! cannot stack 'batch 784' and '10 784': axis 0 has sizes batch and 10
    split(u, 4)  # !! axis 0 of size 6 does not divide into 4 equal parts  [tensor-shape]
    split(u, [2, 9])  # !! the cuts must increase from 0 to the size of the axis, 6; got [2, 9]
    flux.einsum("ij,jk->ik", x, w)  # !! einsum 'ij,jk->ik': 'j' is 784 in operand 0 ('batch
    flux.einsum("ij,jk->ik", x)  # !! einsum 'ij,jk->ik': it is for 2 operands, but 1 are given
    flux.einsum("ij->ik", x)  # !! einsum 'ij->ik': the result has 'k', which no operand has
    flux.rearrange(q, "b c h -> b (c h)")  # !! rearrange 'b c h -> b (c h)': the left side has
    flux.rearrange(u, "(a b) -> a b", a=4)  # !! rearrange '(a b) -> a b': axis 0 of '6' has
    flux.reduce(x, "b d -> z", "mean")  # !! reduce 'b d -> z': 'z' is only on the right
    x[0, 0, 0]  # !! too many indices: 3 for 'batch 784', which has 2 axes  [tensor-shape]
    u[7]  # !! index 7 is out of range for axis 0 of size 6: valid are -6 to 5  [tensor-shape]
    u[-7]  # !! index -7 is out of range for axis 0 of size 6: valid are -6 to 5  [tensor-shape]
    x[m]  # !! a mask of shape 'n n' does not fit axis 0 of 'batch 784': n is not batch
    x[y]  # !! an index is an integer, a slice, None, ..., or a tensor (or list) of integers or
    x["a"]  # !! an index is an integer, a slice, None, ..., or a tensor (or list) of integers
    x[0.5]  # !! an index is an integer, a slice, None, ..., or a tensor (or list) of integers
    losses.mse(x, y)  # !! prediction and target must have one shape, because a loss does not
    losses.mse(p, y)  # !! prediction and target must have one shape, because a loss does not
    losses.logitcrossentropy(x, y)  # !! the target holds float32 numbers without an axis of
    losses.logitcrossentropy(x, i[:, None])  # !! integer labels must have the shape of the
    losses.logitcrossentropy(x, i, axis=0)  # !! integer labels must have the shape of the
    flux.conv(q, k)  # !! the input has c channels, the weight wants 3  [tensor-shape]
    flux.conv(flux.zeros((2, 4, 9, 9)), k)  # !! the input has 4 channels, the weight wants 3
    flux.conv(flux.zeros((2, 3, 4, 4)), k)  # !! kernel of size 5 does not fit axis 'height' of
    flux.max_pool(flux.zeros((2, 3, 2, 2)), (3, 3))  # !! kernel of size 3 does not fit axis
    flux.where(z > 0, z, y)  # !! cannot broadcast 'n m' with 'n m' with 'batch': axis -1 has
    flux.broadcast_to(u, (4, 5))  # !! cannot broadcast '6' to '4 5': axis -1 has size 6, where
    flux.take_along_axis(x, i, axis=1)  # !! needs indices of the rank of x, 2, got rank 1
    flux.topk(u, 7)  # !! topk: axis -1 has 6 elements, 7 are asked for  [tensor-shape]
    flux.expand_dims(x, axis=4)  # !! axis 4 does not exist in 3 axes: valid are -3 to 2
    flux.sort(x, axis=2)  # !! axis 2 does not exist in 2 axes: valid are -2 to 1  [tensor-shape]
    flux.argmax(z, axis=3)  # !! axis 3 does not exist in 2 axes: valid are -2 to 1
    flux.outer(x, y)  # !! needs vectors, 'batch 784' is of rank 2  [tensor-shape]
    flux.vecdot(x, u)  # !! axis -1 is 784 in the first operand, 6 in the second  [tensor-shape]
    flux.tile(u, (2, -1))  # !! sizes are at least 0, got -1 in shape (2, -1)  [tensor-shape]
    flux.linspace(0, 1, -3)  # !! sizes are at least 0, got -3 in shape (-3,)  [tensor-shape]
    i & x  # !! needs integers or booleans, got float32  [tensor-dtype]
    -m  # !! needs numbers, got bool  [tensor-dtype]
    y << 1  # !! needs integers, got float32  [tensor-dtype]
    flux.one_hot(y, 4)  # !! the index holds integers, got float32  [tensor-dtype]
    flux.take(x, y, axis=0)  # !! the index holds integers, got float32  [tensor-dtype]
    flux.sin(i) + flux.zeros((3, 3))  # !! cannot broadcast 'batch' with '3 3': axis -1 has
    i.astype(flux.float32)[i[:, None] * 1.0]  # !! an index is an integer, a slice, None, ...,
    x.at[0].set(u)  # !! cannot broadcast '6' to '784': axis -1 has size 6, where 1 or 784 is
    x.at[:, 784].set(0.0)  # !! index 784 is out of range for axis 1 of size 784: valid are -784
    flux.zeros_like(x) + flux.zeros(x.shape[1:])[:5]  # !! cannot broadcast 'batch 784' with
    three + either  # !! cannot broadcast '2 3' with '2 4': axis -1 has sizes 3 and 4
    stack([x, x]) @ stack([x, x])  # !! the last axis of the first operand is 784, the second to
    p - y  # !! is "batch batch", where batch is repeated: y has fewer axes and is broadcast
    y - p  # !! is "batch batch", where batch is repeated: y has fewer axes and is broadcast
    p == y  # !! is "batch batch", where batch is repeated: y has fewer axes and is broadcast
    s * r  # !! is "5 5", where 5 is repeated: r has fewer axes and is broadcast along an axis
    flux.maximum(p, y)  # !! is "batch batch", where batch is repeated: y has fewer axes and is
    (p * 2) - y  # !! is "batch batch", where batch is repeated: y has fewer axes and is
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[int, list[str]]:
    return findings(tmp_path_factory.mktemp("operations"), PROGRAM)


@parametrised(PROGRAM)
def test_lines(found: dict[int, list[str]], number: int, kind: str, wanted: str) -> None:
    assert problem(found, number, kind, wanted) is None


def test_nothing_else_is_reported(found: dict[int, list[str]]) -> None:
    assert unexpected(found, PROGRAM) == {}


# Whole messages, and where they stand

HEADER = """
from jaxtyping import Float32, Int64
import typedflux as flux
from typedflux import Tensor, losses

def f(
    x: Float32[Tensor, "batch 784"], w: Float32[Tensor, "10 784"], y: Float32[Tensor, "batch"],
    p: Float32[Tensor, "batch 1"], q: Float32[Tensor, "b c h w"], i: Int64[Tensor, "batch"],
) -> None:
"""

MESSAGES = [
    ("x @ w",
     'matmul(Float32[Tensor, "batch 784"], Float32[Tensor, "10 784"]): the last axis of the first '
     "operand is 784, the second to last of the second is 10: the second would fit transposed, as "
     ".mT  [tensor-shape]"),
    ("w.T @ y",
     'matmul(Float32[Tensor, "784 10"], Float32[Tensor, "batch"]): the last axis of the first '
     "operand is 10, the axis of the second is batch  [tensor-shape]"),
    ("x + y",
     'add(Float32[Tensor, "batch 784"], Float32[Tensor, "batch"]): cannot broadcast \'batch 784\' '
     "with 'batch': axis -1 has sizes 784 and batch; 'batch 1' would fit: index it with "
     "[..., None]  [tensor-shape]"),
    ("p - y",
     'subtract(Float32[Tensor, "batch 1"], Float32[Tensor, "batch"]) is "batch batch", where batch '
     "is repeated: y has fewer axes and is broadcast along an axis of size 1 of p; p[..., 0] has "
     "the axes of y, y[..., None] those of p  [tensor-broadcast]"),
    ("losses.mse(p, y)",
     'mse(Float32[Tensor, "batch 1"], Float32[Tensor, "batch"]): prediction and target must have '
     "one shape, because a loss does not broadcast: their ranks are 2 and 1; take the last axis, "
     "of size 1, off the prediction with [..., 0]  [tensor-shape]"),
    ("losses.logitcrossentropy(x, y)",
     'logitcrossentropy(Float32[Tensor, "batch 784"], Float32[Tensor, "batch"]): the target holds '
     "float32 numbers without an axis of classes: labels are integers, as "
     "target.astype(flux.int64)  [tensor-dtype]"),
    ("flux.einsum('bd,kd->bz', x, w)",
     "einsum 'bd,kd->bz': the result has 'z', which no operand has  [tensor-shape]"),
    ("x[y]",
     'getitem(Float32[Tensor, "batch 784"]): an index is an integer, a slice, None, ..., or a '
     "tensor (or list) of integers or booleans; got a tensor of float32  [tensor-dtype]"),
    ("i & x",
     'bitwise_and(Int64[Tensor, "batch"], Float32[Tensor, "batch 784"]): needs integers or '
     "booleans, got float32  [tensor-dtype]"),
]  # fmt: skip


def test_messages(tmp_path: Path) -> None:
    program = HEADER + "".join(f"    {call}\n" for call, _ in MESSAGES)
    told = [m.partition(": error: ")[2] for m in check(tmp_path, {"main.py": program})]
    assert told == [text for _, text in MESSAGES]


def test_an_error_is_told_once_and_where_it_is(tmp_path: Path) -> None:
    program = (
        HEADER
        + """
    z = (
        x
        @ w.T
        + flux.ones((3, 11))
    )
    reveal_type(z)
    reveal_type(z @ z + x)
    x = flux.relu(x
                  ).reshape((2, 784)
                  ).sum(axis=2)
    x + w
"""
    )
    lines = [m.partition(": ") for m in check(tmp_path, {"main.py": program})]
    start = HEADER.count("\n")
    assert [(int(line) - start, text[:24]) for line, _, text in lines] == [
        (5, "error: add(Float32[Tenso"),
        (7, 'note: Revealed type is "'),
        (8, 'note: Revealed type is "'),
        (10, "error: reshape(Float32[T"),
    ]


def test_broadcasts_can_be_allowed(tmp_path: Path) -> None:
    program = '# mypy: disable-error-code="tensor-broadcast"' + HEADER
    program += "    reveal_type(p - y)\n    p @ w\n"
    first, second = check(tmp_path, {"main.py": program})
    assert "Float32[Tensor, 'batch batch']" in first
    assert "[tensor-shape]" in second


def test_what_a_program_wrote_is_kept_in_the_cache(tmp_path: Path) -> None:
    """An axis that another module makes of size 1 surprises nobody, nor in a second run."""
    files = {
        "main.py": """
            from jaxtyping import Float32
            from typedflux import Tensor
            from other import column, declared

            def f(y: Float32[Tensor, "5"]) -> None:
                column - y
                declared - y
        """,
        "other.py": """
            from jaxtyping import Float32
            from typedflux import Tensor, ones
            column = ones(5)[:, None]
            declared: Float32[Tensor, "5 1"] = ones((5, 1))
        """,
    }
    first = check(tmp_path, files)
    assert [m[:8] for m in first] == ["8: error"]
    files["main.py"] += "\n"
    assert check(tmp_path, files) == first
