"""Data sets that are drawn at random, to try models on: points in the plane and noisy curves."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float32, Int64

from typedflux.data.observations import count
from typedflux.data.order import stream
from typedflux.ops.random import Generator
from typedflux.tensor import Tensor, wrap

Points = tuple[Float32[Tensor, "n 2"], Int64[Tensor, "n"]]
Curve = tuple[Float32[Tensor, "n 1"], Float32[Tensor, "n 1"]]


def spirals(
    n: int, *, classes: int = 2, turns: float = 1.5, noise: float = 0.0,
    rng: Generator | None = None,
) -> Points:  # fmt: skip
    """`n` points on spirals around the origin, and which spiral each is on: classes that no line
    separates, and a small network does.

    Args:
        classes: how many spirals.
        turns: how often each goes around.
        noise: standard deviation of what is added to each coordinate; radii go to 1.

    >>> points, labels = spirals(100, classes=3)
    >>> points.shape, labels.max().item()
    ((100, 2), 2)
    """
    n, classes = count("spirals: n", n, 0), count("spirals: classes", classes, 1)
    draw = stream(rng)
    labels = np.arange(n) % classes
    radius = np.sqrt(draw.random(n))
    angle = 2 * math.pi * (turns * radius + labels / classes)
    points = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return _shuffled(points + noise * draw.standard_normal((n, 2)), labels, draw)


def moons(n: int, *, noise: float = 0.0, rng: Generator | None = None) -> Points:
    """`n` points on two half circles that reach into each other, and which one each is on.

    Args:
        noise: standard deviation of what is added to each coordinate; the circles have radius 1.

    >>> moons(100, noise=0.1)[0].shape
    (100, 2)
    """
    n = count("moons: n", n, 0)
    draw = stream(rng)
    labels = np.arange(n) % 2
    angle = math.pi * draw.random(n)
    upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    lower = np.stack([1 - np.cos(angle), 0.5 - np.sin(angle)], axis=1)
    points = np.where(labels[:, None] == 0, upper, lower)
    return _shuffled(points + noise * draw.standard_normal((n, 2)), labels, draw)


def sine(
    n: int, *, start: float = 0.0, stop: float = 2 * math.pi, noise: float = 0.3,
    rng: Generator | None = None,
) -> Curve:  # fmt: skip
    """`n` evenly spaced numbers and their noisy sines, for regression.

    Args:
        noise: standard deviation of what is added to the sines.

    >>> x, y = sine(50)
    >>> x.shape, y.shape
    ((50, 1), (50, 1))
    """
    x = np.linspace(start, stop, count("sine: n", n, 0))[:, None]
    return _curve(x, np.sin(x), noise, rng)


def polynomial(
    coefficients: list[float], n: int, *, start: float = -1.0, stop: float = 1.0,
    noise: float = 0.1, rng: Generator | None = None,
) -> Curve:  # fmt: skip
    """`n` evenly spaced numbers and noisy values of a polynomial, for regression.

    Args:
        coefficients: that of the constant first.
        noise: standard deviation of what is added to the values.

    >>> x, y = polynomial([1.0, 0.0, 2.0], 3, noise=0)
    >>> y.tolist()
    [[3.0], [1.0], [3.0]]
    """
    x = np.linspace(start, stop, count("polynomial: n", n, 0))[:, None]
    return _curve(x, np.polynomial.Polynomial(coefficients)(x), noise, rng)


def _shuffled(
    points: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    labels: np.ndarray[tuple[int, ...], np.dtype[np.int64]],
    draw: np.random.Generator,
) -> Points:
    order = draw.permutation(len(labels))
    return wrap(points[order].astype(np.float32)), wrap(labels[order].astype(np.int64))


def _curve(
    x: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    y: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    noise: float,
    rng: Generator | None,
) -> Curve:
    noisy = y + noise * stream(rng).standard_normal(y.shape)
    return wrap(x.astype(np.float32)), wrap(noisy.astype(np.float32))
