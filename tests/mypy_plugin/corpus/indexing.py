"""Indices, slices, new axes, masks, gathers and updates."""

PROGRAMS = """
=== last_step
def last(
    x: Float32[Tensor, "batch time d"], w: Float32[Tensor, "d k"]
) -> Float32[Tensor, "batch k"]:
    return x[:, -1] @ w
    #! return x[:, :, -1] @ w


def main() -> None:
    last(flux.rand((2, 5, 3)), flux.rand((3, 4)))

=== slices_of_sequence
def shifted(
    tokens: Int[Tensor, "batch time"], table: Float32[Tensor, "vocabulary d"]
) -> Float32[Tensor, "batch time-1 d"]:
    inputs, targets = tokens[:, :-1], tokens[:, 1:]
    x = flux.gather(table, inputs)
    y = flux.gather(table, targets)
    #! y = flux.gather(table, tokens)
    return x * y  #?


def main() -> None:
    shifted(flux.randint(0, 9, (2, 6)), flux.rand((9, 4)))

=== too_many_indices
def corner(image: Float32[Tensor, "3 h w"]) -> Float32[Tensor, "3 8 8"]:
    return image[:, :8, :8]
    #! return image[:, :8, :8, 0]


def main() -> None:
    corner(flux.rand((3, 16, 12)))

=== out_of_bounds
def blue(images: Float32[Tensor, "batch 3 h w"]) -> Float32[Tensor, "batch h w"]:
    return images[:, 2]
    #! return images[:, 3]


def main() -> None:
    blue(flux.rand((2, 3, 4, 5)))

=== new_axis_place silent
def column(x: Float32[Tensor, "n"]) -> Float32[Tensor, "n 1"]:
    return x[:, None]
    #! return x[None, :]


def main() -> None:
    column(flux.rand((5,)))

=== crop silent
def crop(x: Float32[Tensor, "batch 3 32 32"], top: int, left: int) -> Tensor:
    return x[:, :, top : top + 24, left : left + 24]


def centre(x: Float32[Tensor, "batch 3 32 32"]) -> Float32[Tensor, "batch 3 24 24"]:
    window = x[:, :, 4:28, 4:28]
    #! window = x[:, 4:28, 4:28]
    flipped = window[..., ::-1]
    return (window + flipped) / 2  #?


def main() -> None:
    crop(flux.rand((2, 3, 32, 32)), 1, 2)
    centre(flux.rand((2, 3, 32, 32)))

=== every_second silent
def downsample(x: Float32[Tensor, "batch 64 64"]) -> Float32[Tensor, "batch 32 32"]:
    return x[:, ::2, ::2]
    #! return x[:, ::2, ::4]


def main() -> None:
    downsample(flux.rand((2, 64, 64)))

=== boolean_mask
def masked_loss(
    prediction: Float32[Tensor, "n d"], target: Float32[Tensor, "n d"], valid: Bool[Tensor, "n"]
) -> Float32[Tensor, ""]:
    gap = prediction[valid] - target[valid]
    #! gap = prediction.T[valid] - target[valid]
    return (gap**2).mean()


def main() -> None:
    x = flux.rand((4, 3))
    masked_loss(x, x, flux.asarray([True, False, True, True]))

=== gather_rows
def triplet(
    embedding: Float32[Tensor, "n d"], anchor: Int[Tensor, "t"], positive: Int[Tensor, "t"]
) -> Float32[Tensor, "t"]:
    a, p = embedding[anchor], embedding[positive]
    #! a, p = embedding[:, anchor], embedding[positive]
    return ((a - p) ** 2).sum(axis=1)  #?


def main() -> None:
    i = flux.asarray([0, 1])
    triplet(flux.rand((5, 3)), i, i + 1)

=== pick_labels
def nll(
    log_probabilities: Float32[Tensor, "batch classes"], labels: Int[Tensor, "batch"]
) -> Float32[Tensor, ""]:
    n = log_probabilities.shape[0]
    picked = log_probabilities[flux.arange(n), labels]
    #! picked = log_probabilities[flux.arange(n), labels, 0]
    return -picked.mean()


def main() -> None:
    nll(flux.rand((3, 4)), flux.asarray([0, 3, 1]))

=== take_along
def chosen_values(
    q: Float32[Tensor, "batch actions"], action: Int[Tensor, "batch"]
) -> Float32[Tensor, "batch"]:
    picked = flux.take_along_axis(q, action[:, None], axis=1)
    #! picked = flux.take_along_axis(q, action, axis=1)
    return picked[:, 0]


def bellman(
    q: Float32[Tensor, "batch actions"],
    after: Float32[Tensor, "batch actions"],
    action: Int[Tensor, "batch"],
    reward: Float32[Tensor, "batch"],
) -> Float32[Tensor, "batch"]:
    target = reward + 0.99 * after.max(axis=1)
    return chosen_values(q, action) - target
    #! return q - target


def main() -> None:
    q = flux.rand((3, 2))
    bellman(q, q, flux.asarray([0, 1, 1]), flux.zeros(3))

=== update_at
def write(
    memory: Float32[Tensor, "slots d"], key: Int[Tensor, "k"], value: Float32[Tensor, "k d"]
) -> Float32[Tensor, "slots d"]:
    return memory.at[key].set(value)
    #! return memory.at[key].set(value.T)


def main() -> None:
    write(flux.zeros((6, 3)), flux.asarray([1, 4]), flux.ones((2, 3)))

=== unpacked_shape
def diagonal_blocks(x: Float32[Tensor, "n 4 d"]) -> Float32[Tensor, "n d"]:
    first, second, third, fourth = x[:, 0], x[:, 1], x[:, 2], x[:, 3]
    #! first, second, third, fourth = x[:, 0], x[:, 1], x[:, 2], x[:, 4]
    return (first + second) * (third + fourth)


def main() -> None:
    diagonal_blocks(flux.rand((2, 4, 3)))

=== sliding_window
def moving_average(x: Float32[Tensor, "1000"]) -> Float32[Tensor, "998"]:
    return (x[:-2] + x[1:-1] + x[2:]) / 3
    #! return (x[:-2] + x[1:-1] + x[3:]) / 3


def second_difference(x: Float32[Tensor, "n"]) -> Float32[Tensor, "n-2"]:
    first = x[1:] - x[:-1]
    return first[1:] - first[:-1]
    #! return first[1:] - first


def main() -> None:
    second_difference(moving_average(flux.rand((1000,))))

=== ellipsis_literals
def main() -> None:
    video = flux.zeros((2, 8, 3, 16, 16))
    frame = video[:, 0]
    red = frame[..., 0, :, :]
    blur = (red[..., 1:] + red[..., :-1]) / 2
    #! blur = (red[..., 1:] + red[..., :-2]) / 2
    print(blur[0, 3].reshape((3, 5)))
    #! print(blur[0, 3].reshape((4, 4)))
    print(video[0, 7, 2])
    #! print(video[0, 8, 2])
"""
