"""Train a convolutional network on scikit-learn's 1,797 handwritten digits.

Shows loss and validation accuracy for each epoch, prints the accuracy on a held-out fifth, and
leaves `weights.safetensors`, `curves.png` and `mistakes.png`.
"""

from __future__ import annotations

import argparse
import sys
from itertools import pairwise
from pathlib import Path

import matplotlib
import numpy as np
from jaxtyping import Float32, Int
from matplotlib.figure import Figure

import typedflux as flux
from typedflux import Tensor, data, losses, nn

Images = Float32[Tensor, "batch 1 8 8"]
Labels = Int[Tensor, "batch"]


def network() -> nn.Chain:
    return nn.Chain(
        nn.Conv((3, 3), 1, 32, flux.relu, padding="same"),
        nn.BatchNorm(32),
        nn.Conv((3, 3), 32, 32, flux.relu, padding="same"),
        nn.MaxPool((2, 2)),
        nn.Conv((3, 3), 32, 64, flux.relu, padding="same"),
        nn.MaxPool((2, 2)),
        nn.Flatten(),
        nn.Dropout(0.3),
        nn.Dense(64 * 2 * 2, 10),
    )


def loss(model: nn.Chain, x: Images, y: Labels) -> Float32[Tensor, ""]:
    return losses.logitcrossentropy(model(x), y)


def predict(model: nn.Chain, x: Images) -> Labels:
    return flux.argmax(model(x), axis=-1)


def accuracy(model: nn.Chain, x: Images, y: Labels) -> float:
    return float((predict(model, x) == y).mean())


def load(seed: int) -> list[tuple[Tensor, Tensor]]:
    """Training, validation and test images, 64, 16 and 20 in a hundred."""
    digits = data.digits()
    order = np.random.default_rng(seed).permutation(len(digits.labels.numpy()))
    x = flux.asarray(digits.images.numpy()[order].reshape(-1, 1, 8, 8).astype(np.float32))
    y = flux.asarray(digits.labels.numpy()[order])
    cuts = [0, int(0.64 * len(order)), int(0.8 * len(order)), len(order)]
    return [(x[a:b], y[a:b]) for a, b in pairwise(cuts)]


def draw(history: flux.History, folder: Path) -> None:
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
    epochs = range(1, len(history.epochs) + 1)
    left.plot(epochs, history.epochs)
    left.set(title="training loss", xlabel="epoch", yscale="log")
    right.plot(epochs, [100 * m["accuracy"] for m in history.metrics])
    right.set(title="validation accuracy (%)", xlabel="epoch")
    save(figure, folder / "curves.png")


def draw_mistakes(x: Images, y: Labels, guess: Labels, folder: Path) -> None:
    from matplotlib import pyplot

    wrong = np.flatnonzero(y.numpy() != guess.numpy())[:16]
    figure, axes = pyplot.subplots(2, 8, figsize=(10, 3.2), layout="constrained")
    for ax in axes.flat:
        ax.axis("off")
    for ax, i in zip(axes.flat, wrong, strict=False):
        ax.imshow(x.numpy()[i, 0], cmap="gray_r")
        ax.set_title(f"{guess.numpy()[i]}, is {y.numpy()[i]}", fontsize=9)
    figure.suptitle(f"{len(wrong)} mistakes among {len(y)}: predicted, and true label")
    save(figure, folder / "mistakes.png")


def save(figure: Figure, path: Path) -> None:
    """Write a figure under another name and move it into place, so that no half of it is left."""
    from matplotlib import pyplot

    part = path.with_name(f"{path.stem}.part{path.suffix}")
    try:
        figure.savefig(part, dpi=120)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
        pyplot.close(figure)


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"at least 1, got {number}")
    return number


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=positive, default=20, help="how long to train, default 20")
    parser.add_argument("--seed", type=int, default=0, help="for weights, order and split")
    parser.add_argument("--out", type=Path, default=Path("."), help="folder for the three files")
    options = parser.parse_args()
    try:
        options.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        parser.error(f"argument --out: {error}")
    matplotlib.use("agg")

    flux.seed(options.seed)
    training, validation, test = load(options.seed)
    model = network()
    state = flux.setup(flux.Adam(2e-3), model)
    history = flux.train(
        loss,
        model,
        data.DataLoader(training, batchsize=32, shuffle=True),
        state,
        epochs=options.epochs,
        validate=lambda m: {"accuracy": accuracy(m, *validation)},
    )
    print(f"test accuracy {100 * accuracy(model, *test):.2f} %")
    flux.save(options.out / "weights.safetensors", model)
    draw(history, options.out)
    draw_mistakes(*test, predict(model, test[0]), options.out)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
