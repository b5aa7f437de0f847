"""Indexing, in the words of others."""

PROGRAMS = """
=== time_series_features
def lags(x: Float64[Tensor, "n"], k: Literal[3] = 3) -> Float64[Tensor, "n-3 3"]:
    return flux.stack([x[:-3], x[1:-2], x[2:-1]], axis=1)
    #! return flux.stack([x[:-3], x[1:-2], x[2:]], axis=1)


def autoregression(x: Float64[Tensor, "n"], w: Float64[Tensor, "3"]) -> Float64[Tensor, "n-3"]:
    prediction = lags(x) @ w
    #! prediction = w @ lags(x)
    return prediction - x[3:]
    #! return prediction - x[2:]


def main() -> None:
    autoregression(flux.rand((9,), dtype=flux.float64), flux.ones(3, dtype=flux.float64))

=== keypoints
Points = Float32[Tensor, "n 17 3"]


def limbs(points: Points, edges: Int[Tensor, "e 2"]) -> Float32[Tensor, "n e"]:
    start, stop = points[:, edges[:, 0], :2], points[:, edges[:, 1], :2]
    #! start, stop = points[:, edges[:, 0], :2], points[:, edges[:, 1], :3]
    gap = stop - start  #?
    return flux.sqrt((gap * gap).sum(axis=-1))


def centred(points: Points) -> Points:
    hip = (points[:, 11] + points[:, 12]) / 2
    #! hip = (points[:, 11] + points[:, 17]) / 2
    return points - hip[:, None]
    #! return points - hip


def visible(points: Points) -> Bool[Tensor, "n 17"]:
    return points[..., 2] > 0.5


def main() -> None:
    p = centred(flux.rand((2, 17, 3)))
    limbs(p, flux.asarray([[0, 1], [1, 2], [5, 16]]))
    print(p[visible(p)].shape)

=== literal_tables
def main() -> None:
    table = flux.arange(60).reshape((5, 12))
    first = table[0]
    column = table[:, 3]
    block = table[1:4, 2:10]
    picked = table[[0, 2, 4]]
    print(first + table[4])
    print(column * first[:5])
    #! print(column * first[:6])
    print(block + picked[:, 4:])
    #! print(block + picked[:, 3:])
    print(table[:, -1] + table[::-1, 0], table[-5])
    #! print(table[:, -1] + table[::2, 0], table[-5])
    print(flux.take(table, flux.asarray([1, 3]), axis=1) @ flux.ones((2, 2), dtype=flux.int64))
    #! print(flux.take(table, flux.asarray([1, 3]), axis=0) @ flux.ones((2, 2), dtype=flux.int64))

=== sampled_rays
def sample(
    origin: Float32[Tensor, "rays 3"],
    direction: Float32[Tensor, "rays 3"],
    depth: Float32[Tensor, "s"],
) -> Float32[Tensor, "rays s 3"]:
    return origin[:, None] + direction[:, None] * depth[:, None]
    #! return origin[:, None] + direction[:, None] * depth[:, None, None]


def composite(
    density: Float32[Tensor, "rays s"],
    colour: Float32[Tensor, "rays s 3"],
    depth: Float32[Tensor, "s"],
) -> Float32[Tensor, "rays 3"]:
    delta = depth[1:] - depth[:-1]
    alpha = 1 - flux.exp(-density[:, :-1] * delta)
    #! alpha = 1 - flux.exp(-density * delta)
    clear = flux.cumulative_prod(1 - alpha + 1e-9, axis=1)
    weight = alpha * clear
    return (weight[..., None] * colour[:, :-1]).sum(axis=1)
    #! return (weight[..., None] * colour[:, 1:, :2]).sum(axis=1)


def main() -> None:
    d = flux.linspace(1.0, 2.0, 6, dtype=flux.float32)
    x = sample(flux.zeros((4, 3)), flux.rand((4, 3)), d)
    composite(flux.rand((4, 6)), x, d) + flux.ones(3)  #?
"""
