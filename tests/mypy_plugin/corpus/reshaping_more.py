"""Reshapes, in longer programs."""

PROGRAMS = """
=== swin_windows
def partition(x: Float32[Tensor, "b 56 56 c"]) -> Float32[Tensor, "64*b 49 c"]:
    b, h, w, c = x.shape
    x = x.reshape((b, 8, 7, 8, 7, c))
    #! x = x.reshape((b, 8, 7, 7, 7, c))
    x = x.permute_dims((0, 1, 3, 2, 4, 5))
    return x.reshape((64 * b, 49, c))
    #! return x.reshape((8 * b, 49, c))


def attend(windows: Float32[Tensor, "m 49 c"]) -> Float32[Tensor, "m 49 c"]:
    scores = flux.softmax(windows @ windows.mT)
    return scores @ windows


def layer(x: Float32[Tensor, "b 56 56 c"]) -> Float32[Tensor, "64*b 49 c"]:
    return attend(partition(x))
    #! return attend(partition(x)) @ x


def main() -> None:
    layer(flux.rand((1, 56, 56, 2)))

=== pixel_shuffle
def shuffle(x: Float32[Tensor, "b 12 h w"]) -> Float32[Tensor, "b 3 2*h 2*w"]:
    b, c, h, w = x.shape
    y = x.reshape((b, 3, 2, 2, h, w))
    #! y = x.reshape((b, 4, 2, 2, h, w))
    y = flux.permute_dims(y, (0, 1, 4, 2, 5, 3))
    #! y = flux.permute_dims(y, (0, 1, 4, 2, 5))
    return y.reshape((b, 3, 2 * h, 2 * w))
    #! return y.reshape((b, 3, 2 * h, w))


class Super(nn.Module):
    def __init__(self) -> None:
        self.features = nn.Conv((3, 3), 3, 12, padding=1)
        #! self.features = nn.Conv((3, 3), 3, 10, padding=1)

    def __call__(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 2*h 2*w"]:
        return shuffle(self.features(x).astype(flux.float32))  #?


def main() -> None:
    Super()(flux.rand((2, 3, 4, 5)))

=== time_distributed
class Encoder(nn.Module):
    def __init__(self, width: int = 32) -> None:
        self.dense = nn.Dense(28 * 28, 32, flux.relu)

    def __call__(self, x: Float[Tensor, "n 784"]) -> Float[Tensor, "n 32"]:
        return self.dense(x)


def encode_video(
    encoder: Encoder, video: Float32[Tensor, "batch 10 28 28"]
) -> Float[Tensor, "batch 10 32"]:
    b = video.shape[0]
    frames = video.reshape((b * 10, 28 * 28))
    #! frames = video.reshape((b * 10, 28))
    codes = encoder(frames)
    #! codes = encoder(video)
    return codes.reshape((b, 10, 32))
    #! return codes.reshape((b, 10, 28))


def summary(codes: Float[Tensor, "batch 10 32"]) -> Float[Tensor, "batch 320"]:
    return flux.flatten(codes)


def main() -> None:
    summary(encode_video(Encoder(), flux.rand((2, 10, 28, 28))))

=== local_response silent
def column(x: Float32[Tensor, "b n"]) -> Float32[Tensor, "b n 1"]:
    return flux.expand_dims(x, axis=2)
    #! return flux.expand_dims(x, axis=1)


def row(x: Float32[Tensor, "b n"]) -> Float32[Tensor, "b 1 n"]:
    b, n = x.shape
    return x.reshape((b, 1, n))
    #! return x.reshape((b, n, 1))


def gram(x: Float32[Tensor, "b n"]) -> Float32[Tensor, "b n n"]:
    return column(x) * row(x)


def flat(x: Float32[Tensor, "b n"]) -> Float32[Tensor, "b*n"]:
    return x.flatten()
    #! return flux.flatten(x)


def main() -> None:
    x = flux.rand((3, 3))
    gram(x)
    flat(x)

=== squeeze_and_excite
def gate(
    x: Float32[Tensor, "b 64 h w"], down: Float32[Tensor, "64 4"], up: Float32[Tensor, "4 64"]
) -> Float32[Tensor, "b 64 h w"]:
    pooled = x.mean(axis=(2, 3), keepdims=True)
    flat = flux.squeeze(pooled, axis=(2, 3))
    #! flat = flux.squeeze(pooled, axis=(1, 2, 3))
    s = flux.sigmoid(flux.relu(flat @ down) @ up)
    #! s = flux.sigmoid(flux.relu(pooled @ down) @ up)
    return x * s.reshape((x.shape[0], 64, 1, 1))
    #! return x * s.reshape((x.shape[0], 1, 1, 64, 2))


def main() -> None:
    gate(flux.rand((2, 64, 3, 4)), flux.rand((64, 4)), flux.rand((4, 64)))

=== folds_of_data
def folds(x: Float32[Tensor, "150 4"], y: Int[Tensor, "150"], k: Literal[5] = 5) -> float:
    parts = x.reshape((5, 30, 4))
    #! parts = x.reshape((5, 50, 4))
    labels = y.reshape((5, -1))
    #! labels = y.reshape((4, -1))
    total = 0.0
    for i in range(5):
        centre = parts[i].mean(axis=0)
        gap = parts[i] - centre
        total += float((gap**2).sum()) + float(labels[i].sum())
    return total / 150


def main() -> None:
    iris = data.iris()
    folds(iris.features, iris.labels)
    folds(iris.features[:, :4], iris.labels)
    #! folds(iris.features[:, :3], iris.labels)
"""
