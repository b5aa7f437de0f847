"""Reshapes, in the words of others."""

PROGRAMS = """
=== image_tiles
def tiles(image: Float32[Tensor, "3 96 128"]) -> Float32[Tensor, "12 3 32 32"]:
    rows = image.reshape(3, 3, 32, 4, 32)
    #! rows = image.reshape(3, 4, 32, 4, 32)
    return rows.permute_dims((1, 3, 0, 2, 4)).reshape(12, 3, 32, 32)
    #! return rows.permute_dims((1, 3, 0, 2, 4)).reshape(12, 3, 32, 23)


def untile(parts: Float32[Tensor, "12 3 32 32"]) -> Float32[Tensor, "3 96 128"]:
    x = parts.reshape((3, 4, 3, 32, 32))
    x = flux.permute_dims(x, (2, 0, 3, 1, 4))
    return flux.reshape(x, (3, 3 * 32, 4 * 32))
    #! return flux.reshape(x, (3, 3 * 32, 3 * 32))


def main() -> None:
    untile(tiles(flux.rand((3, 96, 128))))

=== complex_pairs
def rotate_pairs(
    x: Float32[Tensor, "t 8"], angle: Float32[Tensor, "t 4"]
) -> Float32[Tensor, "t 8"]:
    t = x.shape[0]
    pairs = x.reshape((t, 4, 2))
    #! pairs = x.reshape((t, 2, 4))
    a, b = pairs[:, :, 0], pairs[..., 1]
    c, s = flux.cos(angle), flux.sin(angle)
    turned = flux.stack([a * c - b * s, a * s + b * c], axis=-1)  #?
    return turned.reshape((t, 8))
    #! return turned.reshape((t, 4))


def main() -> None:
    rotate_pairs(flux.rand((5, 8)), flux.rand((5, 4)))

=== vectors_and_columns silent
def as_column(v: Float64[Tensor, "n"]) -> Float64[Tensor, "n 1"]:
    return v.reshape((-1, 1))
    #! return v.reshape((1, -1))


def outer(v: Float64[Tensor, "n"], w: Float64[Tensor, "m"]) -> Float64[Tensor, "n m"]:
    return as_column(v) @ w[None, :]


def total(v: Float64[Tensor, "n m"]) -> Float64[Tensor, "n*m"]:
    return v.reshape(-1)
    #! return v.reshape((-1, 1))


def main() -> None:
    v = flux.ones(1, dtype=flux.float64)
    total(outer(v, v))

=== head_layouts
class Layout(nn.Module):
    def __init__(self) -> None:
        self.project = nn.Dense(40, 40)

    def heads(self, x: Float[Tensor, "b t 40"]) -> Float[Tensor, "b 5 t 8"]:
        b, t = x.shape[:2]
        return x.reshape((b, t, 5, 8)).transpose(0, 2, 1, 3)
        #! return x.reshape((b, t, 5, 8)).transpose(0, 2, 3, 1)

    def __call__(self, x: Float[Tensor, "b t 40"]) -> Float[Tensor, "b t 40"]:
        h = self.heads(self.project(x))
        mixed = flux.softmax(h @ h.mT) @ h
        back = mixed.permute_dims((0, 2, 1, 3))
        #! back = mixed.permute_dims((0, 2, 1))
        y = back.reshape((*x.shape[:2], 40))
        #! y = back.reshape((*x.shape[:2], 30))
        return x + y  #?


def main() -> None:
    Layout()(flux.rand((2, 3, 40)))
"""
