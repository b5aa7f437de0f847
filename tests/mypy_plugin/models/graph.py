"""Networks on graphs and point clouds: attention over edges, messages by scatter, PointNet."""

from __future__ import annotations

from typing import Generic, NamedTuple

from jaxtyping import Float, Int
from typing_extensions import TypeVar

import typedflux as flux
from typedflux import Size, Tensor, losses, nn

In = TypeVar("In")
Out = TypeVar("Out")


class Graph(NamedTuple):
    nodes: Float[Tensor, "nodes 8"]
    source: Int[Tensor, "edges"]
    target: Int[Tensor, "edges"]
    weights: Float[Tensor, "edges 3"]


class GraphConv(nn.Module, Generic[In, Out]):
    def __init__(self, in_: Size[In], out: Size[Out]) -> None:
        self.message = nn.Dense(in_, out, bias=False)
        self.own = nn.Dense(in_, out)
        self.edge = nn.Dense(3, 1, flux.sigmoid)

    def __call__(
        self,
        x: Float[Tensor, "n In"],
        source: Int[Tensor, "e"],
        target: Int[Tensor, "e"],
        weights: Float[Tensor, "e 3"],
    ) -> Float[Tensor, "n Out"]:
        sent = flux.gather(self.message(x), source) * self.edge(weights)
        received = flux.scatter(target, sent, x.shape[0])
        degree = flux.scatter(target, flux.ones(target.shape), x.shape[0])
        return self.own(x) + received / flux.maximum(degree, 1.0)[:, None]


class GraphAttention(nn.Module, Generic[In]):
    def __init__(self, size: Size[In], heads: int = 2) -> None:
        self.value = nn.Dense(size, 2 * 6)
        self.left = flux.randn((2, 6))
        self.right = flux.randn((2, 6))

    def __call__(
        self, x: Float[Tensor, "n In"], source: Int[Tensor, "e"], target: Int[Tensor, "e"]
    ) -> Float[Tensor, "n 12"]:
        n = x.shape[0]
        v = self.value(x).reshape((n, 2, 6))
        score = (v * self.left).sum(axis=-1)[source] + (v * self.right).sum(axis=-1)[target]
        score = flux.exp(flux.leakyrelu(score) - score.max(axis=0, keepdims=True))
        total = flux.scatter(target, score, n)
        share = score / (total[target] + 1e-9)
        mixed = flux.scatter(target, share[:, :, None] * v[source], n)
        return mixed.reshape((n, 12))


class NodeClassifier(nn.Module):
    def __init__(self) -> None:
        self.first = GraphConv(8, 16)
        self.second = GraphAttention(16)
        self.norm = nn.LayerNorm(12)
        self.head = nn.Chain(nn.Dense(12, 24, flux.relu), nn.Dropout(0.1), nn.Dense(24, 4))

    def __call__(self, g: Graph) -> Float[Tensor, "nodes 4"]:
        x = flux.relu(self.first(g.nodes, g.source, g.target, g.weights))
        x = self.norm(self.second(x, g.source, g.target))
        return self.head(x)


class PointNet(nn.Module):
    def __init__(self) -> None:
        self.align = nn.Chain(nn.Dense(3, 32, flux.relu), nn.Dense(32, 9))
        self.local = nn.Chain(nn.Dense(3, 16, flux.relu), nn.Dense(16, 40, flux.relu))
        self.classify = nn.Dense(40, 5)
        self.segment = nn.Chain(nn.Dense(80, 32, flux.relu), nn.Dense(32, 2))

    def __call__(
        self, points: Float[Tensor, "b n 3"]
    ) -> tuple[Float[Tensor, "b 5"], Float[Tensor, "b n 2"]]:
        turn = self.align(points).max(axis=1).reshape((-1, 3, 3)) + flux.eye(3)
        local = self.local(points @ turn)
        whole = local.max(axis=1, keepdims=True)
        spread = flux.broadcast_to(whole, local.shape)
        parts = self.segment(flux.concat([local, spread], axis=-1))
        return self.classify(whole[:, 0]), parts


def chamfer(a: Float[Tensor, "b n 3"], c: Float[Tensor, "b m 3"]) -> Float[Tensor, "b"]:
    gaps = ((a[:, :, None] - c[:, None]) ** 2).sum(axis=-1)
    return gaps.min(axis=2).mean(axis=1) + gaps.min(axis=1).mean(axis=1)


def main() -> None:
    source, target = flux.asarray([0, 1, 2, 3, 3]), flux.asarray([1, 2, 0, 0, 4])
    graph = Graph(flux.randn((5, 8)), source, target, flux.rand((5, 3)))
    labels = flux.asarray([0, 1, 2, 3, 0])
    value, _ = flux.withgradient(
        lambda m: losses.logitcrossentropy(m(graph), labels), NodeClassifier()
    )
    assert value.shape == ()
    points = flux.randn((2, 7, 3))
    classes, parts = PointNet()(points)
    assert classes.shape == (2, 5) and parts.shape == (2, 7, 2)
    assert chamfer(points, points[:, :4]).shape == (2,)


if __name__ == "__main__":
    main()
