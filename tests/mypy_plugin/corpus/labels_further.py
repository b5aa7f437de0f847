"""Labels and dtypes, in the words of others."""

PROGRAMS = """
=== wine_classes
def main() -> None:
    wine = data.wine()
    x = (wine.features - wine.features.mean(axis=0)) / wine.features.std(axis=0)
    hot = flux.one_hot(wine.labels, 3)
    model = nn.Dense(13, 3)
    logits = model(x)
    a = losses.logitcrossentropy(logits, wine.labels)
    #! a = losses.logitcrossentropy(logits, wine.labels[:100])
    b = losses.logitcrossentropy(logits, hot)
    #! b = losses.logitcrossentropy(logits, hot[:, :2])
    c = losses.logitcrossentropy(logits, losses.label_smoothing(hot, 0.1))
    print(a, b, c, losses.logitbinarycrossentropy(logits, hot))
    #! print(a, b, c, losses.logitbinarycrossentropy(logits, wine.labels[:, None, None][:99]))

=== token_targets
def pad_mask(tokens: Int[Tensor, "b t"], pad: int = 0) -> Bool[Tensor, "b t"]:
    return tokens != pad


def masked_loss(
    logits: Float32[Tensor, "b t v"], targets: Int[Tensor, "b t"]
) -> Float32[Tensor, ""]:
    logp = flux.logsoftmax(logits, axis=-1)
    picked = flux.take_along_axis(logp, targets[..., None], axis=-1)[..., 0]
    #! picked = flux.take_along_axis(logp, targets, axis=-1)[..., 0]
    keep = pad_mask(targets).astype(flux.float32)
    return -(picked * keep).sum() / keep.sum()
    #! return -(picked * keep[:, :-1]).sum() / keep.sum()


def main() -> None:
    masked_loss(flux.randn((2, 4, 9)), flux.asarray([[1, 2, 0, 0], [3, 4, 5, 0]]))

=== hard_and_soft silent
def hard(p: Float32[Tensor, "n k"]) -> Int[Tensor, "n"]:
    return flux.argmax(p, axis=-1)
    #! return p.max(axis=-1)


def soft(y: Int[Tensor, "n"], k: Size["k"]) -> Float32[Tensor, "n k"]:
    return flux.one_hot(y, k)
    #! return flux.one_hot(y, k, dtype=flux.int32)


def above(p: Float32[Tensor, "n k"], limit: float) -> Bool[Tensor, "n k"]:
    return p >= limit
    #! return flux.maximum(p, limit)


def main() -> None:
    hard(flux.rand((3, 4)))
    p = soft(flux.asarray([0, 3, 1]), 4).astype(flux.float32)
    above(p, 0.5)

=== index_of_wrong_kind
def neighbours(x: Float32[Tensor, "n d"], k: Literal[3] = 3) -> Int[Tensor, "n 3"]:
    gap = ((x[:, None] - x[None]) ** 2).sum(axis=-1)
    return flux.argsort(gap, axis=1)[:, 1:4]


def smoothed(x: Float32[Tensor, "n d"]) -> Float32[Tensor, "n d"]:
    near = neighbours(x)
    return x[near].mean(axis=1)
    #! return x[near.astype(flux.float32)].mean(axis=1)


def votes(y: Int[Tensor, "n"], near: Int[Tensor, "n 3"]) -> Int[Tensor, "n"]:
    hot = flux.one_hot(y[near], 5).sum(axis=1)
    #! hot = flux.one_hot(y[near] / 1, 5).sum(axis=1)
    return flux.argmax(hot, axis=1)


def main() -> None:
    x = flux.rand((6, 2))
    votes(flux.asarray([0, 1, 2, 3, 4, 0]), neighbours(smoothed(x)))
"""
