"""Matrices, broadcasting, reductions and sizes, as people coming from NumPy write them."""

PROGRAMS = r"""
=== dict_of_parameters imports
import typedflux as tf
from jaxtyping import Float as F
from typedflux import Tensor

Params = dict[str, Tensor]


def init(n_in: int, n_hidden: int, n_out: int) -> Params:
    return {
        "w1": tf.randn((n_in, n_hidden)) * 0.1,
        "b1": tf.zeros(n_hidden),
        "w2": tf.randn((n_hidden, n_out)) * 0.1,
        "b2": tf.zeros(n_out),
    }


def forward(p: Params, x: F[Tensor, "b 12"]) -> F[Tensor, "b 3"]:
    h = tf.tanh(x @ p["w1"] + p["b1"])
    return h @ p["w2"] + p["b2"]


def main() -> None:
    p = init(12, 7, 3)
    y = forward(p, tf.randn((5, 12)))
    #! y = forward(p, tf.randn((5, 13)))
    print(y.sum(axis=1) + tf.ones(5))
    #! print(y.sum(axis=0) + tf.ones(5))

=== typed_dict_parameters imports
from typing import TypedDict

import typedflux as flux
from jaxtyping import Float32 as F32
from typedflux import Tensor


class Params(TypedDict):
    kernel: F32[Tensor, "12 7"]
    offset: F32[Tensor, "7"]


def affine(params: Params, x: F32[Tensor, "*lead 12"]) -> F32[Tensor, "*lead 7"]:
    return x @ params["kernel"] + params["offset"]
    #! return x @ params["kernel"].T + params["offset"]


def main() -> None:
    params: Params = {"kernel": flux.randn((12, 7)), "offset": flux.zeros(7)}
    #! params: Params = {"kernel": flux.randn((7, 12)), "offset": flux.zeros(7)}
    out = affine(params, flux.ones((2, 3, 12)))  #?
    #! out = affine(params, flux.ones((2, 12, 3)))  #?
    print(out.shape)

=== named_tuple_parameters imports
from __future__ import annotations

from typing import Generic, NamedTuple, TypeVar

import typedflux as flux
from jaxtyping import Float
from typedflux import Tensor


Out = TypeVar("Out")
In = TypeVar("In")


class Layer(NamedTuple, Generic[Out, In]):
    W: Float[Tensor, "Out In"]
    b: Float[Tensor, "Out"]


def apply(layer: Layer[Out, In], x: Float[Tensor, "In"]) -> Float[Tensor, "Out"]:
    W, b = layer
    return W @ x + b
    #! return W.T @ x + b


def main() -> None:
    rng = flux.Generator(0)
    first = Layer(flux.randn((6, 4), rng=rng), flux.zeros((6,)))
    out = first.W @ flux.ones((4,)) + first.b
    #! out = first.W.T @ flux.ones((4,)) + first.b
    print(out, apply(first, flux.ones((4,))))

=== gram_and_kernel
def rbf(
    a: Float[Tensor, "n d"], b: Float[Tensor, "m d"], gamma: float = 0.5
) -> Float[Tensor, "n m"]:
    aa = (a * a).sum(axis=1, keepdims=True)
    bb = (b * b).sum(axis=1)
    #! bb = (b * b).sum(axis=0)
    return flux.exp(-gamma * (aa + bb - 2.0 * a @ b.T))  #?
    #! return flux.exp(-gamma * (aa + bb - 2.0 * b @ a.T))


def main() -> None:
    K = rbf(flux.randn((5, 3)), flux.randn((4, 3)))
    alpha = flux.randn((4,))
    #! alpha = flux.randn((5,))
    print(K @ alpha)  #?

=== normal_equations
def ridge(X: Float64[Tensor, "n p"], y: Float64[Tensor, "n"], lam: float) -> Float64[Tensor, "p"]:
    p = X.shape[1]
    gram = X.T @ X + lam * flux.eye(p, dtype=flux.float64)
    #! gram = X @ X.T + lam * flux.eye(p, dtype=flux.float64)
    w = flux.zeros((p,), dtype=flux.float64)
    for _ in range(20):
        w = w - 0.01 * (gram @ w - X.T @ y)
        #! w = w - 0.01 * (gram @ w - X @ y)
    return w


def main() -> None:
    X = flux.randn((20, 4), dtype=flux.float64)
    y = flux.randn((20,), dtype=flux.float64)
    #! y = flux.randn((4,), dtype=flux.float64)
    print(ridge(X, y, lam=0.1))  #?

=== power_iteration
def leading(
    A: Float[Tensor, "n n"], steps: int = 10
) -> tuple[Float[Tensor, ""], Float[Tensor, "n"]]:
    v = flux.ones(A.shape[0])
    #! v = flux.ones((A.shape[0], 1))
    for _ in range(steps):
        v = A @ v
        v /= flux.sqrt((v**2).sum())
    return v @ (A @ v), v  #?


def main() -> None:
    M = flux.randn((6, 4))
    value, vector = leading(M @ M.T)
    #! value, vector = leading(M)
    print(float(value), vector[:3])

=== batched_quadratic_forms
def mahalanobis(
    x: Float32[Tensor, "b k"], mu: Float32[Tensor, "k"], precision: Float32[Tensor, "k k"]
) -> Float32[Tensor, "b"]:
    d = x - mu
    return flux.sqrt(flux.vecdot(d @ precision, d))
    #! return flux.sqrt(flux.vecdot(precision @ d, d))


def main() -> None:
    cloud = flux.randn((9, 3))
    centred = cloud - cloud.mean(0)
    #! centred = cloud - cloud.mean(1)
    cov = centred.mT @ centred / 8
    print(mahalanobis(cloud, cloud.mean(axis=0), cov))
    #! print(mahalanobis(cloud, cloud.mean(axis=1), cov))

=== walrus_and_early_return
def centre(
    x: Float[Tensor, "n d"], weights: Float[Tensor, "n"] | None = None
) -> Float[Tensor, "n d"]:
    if weights is None:
        return x - x.mean(axis=0)
    if (total := weights.sum()) == 0:
        return x
    mean = weights @ x / total
    #! mean = x @ weights / total
    return x - mean  #?


def main() -> None:
    x = flux.rand((7, 2))
    print(centre(x))
    print(centre(x, flux.rand(7)))
    #! print(centre(x, flux.rand(2)))

=== standardise_per_group silent
def standardise(x: Float32[Tensor, "rows cols"]) -> Float32[Tensor, "rows cols"]:
    mean = x.mean(axis=-1, keepdims=True)
    sd = x.std(axis=-1, keepdims=True)
    #! sd = x.std(axis=-1)
    return (x - mean) / (sd + 1e-5)  #?


def main() -> None:
    print(standardise(flux.randn((4, 4))))

=== keyword_only_helper
def weighted_mean(
    *, values: Float[Tensor, "t f"], weights: Float[Tensor, "t"], eps: float = 1e-8
) -> Float[Tensor, "f"]:
    w = weights / (weights.sum() + eps)
    return (w[:, None] * values).sum(axis=0)
    #!silent return (w[:, None] * values).sum(axis=1)


def main() -> None:
    v = flux.arange(12, dtype=flux.float32).reshape((4, 3))
    w = flux.asarray([1.0, 2.0, 3.0, 4.0])
    #! w = flux.asarray([1.0, 2.0, 3.0])
    out = weighted_mean(weights=w, values=v)  #?
    print(out)

=== unannotated_helpers imports
import typedflux as flux
from typedflux import Tensor
from jaxtyping import Float


def scale(x, factor=2.0):  # type: ignore[no-untyped-def]
    return x * factor


def project(x: Tensor, w: Tensor) -> Tensor:
    return x @ w


def main() -> None:
    x = flux.randn((3, 8))
    anything = scale(x)  # type: ignore[no-untyped-call]
    y: Float[Tensor, "3 5"] = project(anything, flux.randn((8, 5)))
    z = x @ flux.randn((8, 5))
    print(y + z, flux.concat([y, z], axis=0).reshape((6, 5)))
    #! print(y + z, flux.concat([y, z], axis=0).reshape((6, 6)))

=== final_sizes imports
from typing import Final

import typedflux as tfx
from jaxtyping import Float32
from typedflux import Tensor

HEADS: Final = 4
HEAD_DIM: Final = 8
MODEL_DIM: Final = HEADS * HEAD_DIM
FF_DIM: Final[int] = MODEL_DIM * 4


def block(x: Float32[Tensor, "b t 32"]) -> Float32[Tensor, "b t 32"]:
    up, down = tfx.randn((MODEL_DIM, FF_DIM)), tfx.randn((FF_DIM, MODEL_DIM))
    #! up, down = tfx.randn((MODEL_DIM, FF_DIM)), tfx.randn((MODEL_DIM, FF_DIM))
    return x + tfx.relu(x @ up) @ down  #?


def heads(x: Float32[Tensor, "b t 32"]) -> Float32[Tensor, "b t 4 8"]:
    return x.reshape((*x.shape[:2], HEADS, HEAD_DIM))
    #! return x.reshape((*x.shape[:2], HEADS, HEAD_DIM // 2))


def main() -> None:
    x = tfx.ones((2, 3, MODEL_DIM))
    print(heads(block(x)).sum())

=== low_rank_update
class LowRank(NamedTuple):
    down: Float[Tensor, "d r"]
    up: Float[Tensor, "r k"]


def adapted(
    x: Float[Tensor, "*b d"],
    w: Float[Tensor, "d k"],
    a: Float[Tensor, "d r"],
    b: Float[Tensor, "r k"],
) -> Float[Tensor, "*b k"]:
    return x @ w + (x @ a) @ b
    #! return x @ w + (x @ b) @ a


def main() -> None:
    w = flux.randn((16, 12))
    a, b = flux.randn((16, 2)), flux.zeros((2, 12))
    #!later a, b = flux.randn((16, 2)), flux.zeros((12, 2))
    for shape in ((3, 16), (2, 5, 16)):
        print(adapted(flux.ones(shape), w, a, b).shape)
    print(adapted(flux.ones((7, 16)), w, a, b))  #?

=== cosine_similarity_matrix
def unit(v: Float[Tensor, "*s d"]) -> Float[Tensor, "*s d"]:
    return v / flux.sqrt((v * v).sum(axis=-1, keepdims=True) + 1e-12)


def similarity(queries: Float[Tensor, "q d"], keys: Float[Tensor, "k d"]) -> Float[Tensor, "q k"]:
    return unit(queries) @ unit(keys).mT
    #! return unit(queries) @ unit(keys)


def info_nce(a: Float[Tensor, "n d"], b: Float[Tensor, "n d"], tau: float) -> Float[Tensor, ""]:
    logits = similarity(a, b) / tau
    labels = flux.arange(a.shape[0])
    #! labels = flux.arange(a.shape[1])
    return losses.logitcrossentropy(logits, labels)  #?


def main() -> None:
    print(info_nce(flux.randn((6, 4)), flux.randn((6, 4)), 0.1))
    #! print(info_nce(flux.randn((6, 4)), flux.randn((5, 4)), 0.1))

=== softmax_by_hand
def stable_softmax(z: Float[Tensor, "n c"]) -> Float[Tensor, "n c"]:
    shifted = z - z.max(axis=1, keepdims=True)
    #! shifted = z - z.max(axis=1)
    e = flux.exp(shifted)
    return e / e.sum(axis=1)[:, None]
    #! return e / e.sum(axis=1)[None, :]


def main() -> None:
    probabilities = stable_softmax(flux.randn((4, 6)))
    entropy = -(probabilities * flux.log(probabilities)).sum(axis=1)
    print(entropy.mean(), (probabilities.sum(axis=1) - flux.ones(4)).max())

=== method_chain
def summarise(x: Float32[Tensor, "batch time 6"]) -> Float32[Tensor, "batch 18"]:
    pieces = [
        x.mean(axis=1),
        x.max(axis=1),
        #!later x.max(axis=2),
        x.reshape((x.shape[0], -1, 6)).std(axis=1),
    ]
    return flux.concat(pieces, axis=1)  #?
    #!silent return flux.concat(pieces, axis=0)


def main() -> None:
    y = summarise(flux.randn((2, 5, 6))).reshape((-1, 3, 6)).permute_dims((1, 0, 2)).sum(axis=0)
    print(y @ flux.ones((6, 2)))
    #! print(y @ flux.ones((18, 2)))

=== outer_products
def laplacian(adjacency: Float[Tensor, "v v"]) -> Float[Tensor, "v v"]:
    degree = adjacency.sum(axis=0)
    scale = 1 / flux.sqrt(degree + 1)
    return flux.eye(len(degree)) - scale[:, None] * adjacency * scale[None, :]


def main() -> None:
    lap = laplacian(flux.ones((5, 5)))
    features = flux.randn((5, 3))
    #! features = flux.randn((3, 5))
    smooth = lap @ features  #?
    energy = flux.outer(smooth[0], smooth[1])
    print(energy + flux.eye(3))
    #! print(energy + flux.eye(5))

=== dims_in_arithmetic
def pair_up(x: Float[Tensor, "b n"], y: Float[Tensor, "b m"]) -> Float[Tensor, "b n+m"]:
    return flux.concat([x, y], axis=-1)
    #!later return flux.concat([x, x], axis=-1)


def halve(x: Float[Tensor, "b 2*k"]) -> tuple[Float[Tensor, "b k"], Float[Tensor, "b k"]]:
    k = x.shape[1] // 2
    return x[:, :k], x[:, k:]


def diffs(x: Float[Tensor, "n"]) -> Float[Tensor, "n-1"]:
    return x[1:] - x[:-1]
    #! return x[1:] - x[:-2]


def main() -> None:
    joined = pair_up(flux.ones((2, 3)), flux.ones((2, 5)))
    left, right = halve(joined)
    print(left + right + flux.ones(4), diffs(flux.arange(5, dtype=flux.float32)) + flux.ones(4))
    #! print(left + right + flux.ones(5), diffs(flux.arange(5, dtype=flux.float32)) + flux.ones(4))
"""
