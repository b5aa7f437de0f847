"""Containers and branches, in longer programs."""

PROGRAMS = """
=== multi_task
class MultiTask(nn.Module):
    def __init__(self, tasks: Sequence[str]) -> None:
        self.trunk = nn.Dense(40, 24, flux.relu)
        self.heads = {name: nn.Dense(24, 3) for name in tasks}
        #! self.heads = {name: nn.Dense(40, 3) for name in tasks}

    def __call__(self, x: Float[Tensor, "n 40"]) -> dict[str, Float[Tensor, "n 3"]]:
        h = self.trunk(x)
        return {name: head(h) for name, head in self.heads.items()}  #?
        #! return {name: head(x) for name, head in self.heads.items()}


def total(
    outputs: dict[str, Float[Tensor, "n 3"]], labels: dict[str, Int[Tensor, "n"]]
) -> Float[Tensor, ""]:
    parts = [losses.logitcrossentropy(outputs[k], labels[k]) for k in outputs]
    #! parts = [losses.logitcrossentropy(labels[k], outputs[k]) for k in outputs]
    return flux.stack(parts).mean()


def main() -> None:
    outputs = MultiTask(["a", "b"])(flux.rand((4, 40)))
    labels = flux.asarray([0, 1, 2, 0])
    total(outputs, {"a": labels, "b": labels})
    print(outputs["a"] @ flux.ones((3, 1)))
    #! print(outputs["a"] @ flux.ones((4, 1)))

=== decision_tree_of_modes
Mode = Literal["dot", "cosine", "euclid"]


def similarity(
    x: Float32[Tensor, "n d"], y: Float32[Tensor, "m d"], mode: Mode
) -> Float32[Tensor, "n m"]:
    if mode == "dot":
        return x @ y.T
        #! return x @ y
    elif mode == "cosine":
        a = x / flux.sqrt((x**2).sum(axis=1, keepdims=True))
        b = y / flux.sqrt((y**2).sum(axis=1, keepdims=True))
        result = a @ b.T
    else:
        result = -((x[:, None] - y[None]) ** 2).sum(axis=2)
        #! result = -((x[:, None] - y[:, :, None]) ** 2).sum(axis=2)
    return result


def best(x: Float32[Tensor, "n d"], y: Float32[Tensor, "m d"]) -> dict[str, Int[Tensor, "n"]]:
    modes: tuple[Mode, ...] = ("dot", "cosine", "euclid")
    return {mode: flux.argmax(similarity(x, y, mode), axis=1) for mode in modes}
    #! return {mode: flux.argmax(similarity(x, y, mode), axis=2) for mode in modes}


def main() -> None:
    best(flux.rand((4, 3)), flux.rand((5, 3)))

=== optional_parts
@dataclass
class Options:
    bias: bool = True
    residual: bool = True


class Layer(nn.Module):
    def __init__(self, options: Options) -> None:
        self.weight = flux.randn((24, 24))
        self.bias: Float32[Tensor, "24"] | None = flux.zeros(24) if options.bias else None
        #! self.bias: Float32[Tensor, "24"] | None = flux.zeros(42) if options.bias else None
        self.norm: nn.LayerNorm[Any] | None = None
        self.residual = options.residual

    def __call__(self, x: Float32[Tensor, "*batch 24"]) -> Float32[Tensor, "*batch 24"]:
        y = x @ self.weight
        if self.bias is not None:
            y = y + self.bias  #?
        if self.residual:
            return x + flux.relu(y)
            #! return x + flux.relu(y)[..., :12]
        return flux.relu(y)
        #! return flux.relu(y @ self.weight[:12])


def main() -> None:
    Layer(Options())(flux.rand((2, 3, 24)))
    Layer(Options(bias=False, residual=False))(flux.rand((2, 24)))

=== queue_of_pairs
Pair = tuple[Float32[Tensor, "d"], Float32[Tensor, ""]]


def surrogate(
    history: list[tuple[Float32[Tensor, "d"], Float32[Tensor, ""]]], x: Float32[Tensor, "d"]
) -> Float32[Tensor, ""]:
    points = flux.stack([p for p, _ in history])
    values = flux.stack([v for _, v in history])
    weights = flux.softmax(-((points - x) ** 2).sum(axis=1))
    #! weights = flux.softmax(-((points - x) ** 2).sum(axis=2))
    return weights @ values
    #! return (weights * values)[:, 0]


def search(start: Float32[Tensor, "d"], steps: int) -> Float32[Tensor, "d"]:
    history = [(start, (start**2).sum())]
    x = start
    for _ in range(steps):
        x = x + 0.1 * flux.randn(x.shape)
        history.append((x, (x**2).sum()))
        #! history.append((x, x**2))
        print(surrogate(history, x))  #?
    return x


def main() -> None:
    search(flux.ones(3), 3)

=== nested_structures
class Stage(TypedDict):
    kernel: Float32[Tensor, "3 3"]
    scale: Float32[Tensor, ""]


class Camera(NamedTuple):
    rotation: Float32[Tensor, "3 3"]
    translation: Float32[Tensor, "3"]
    stages: list[Stage]


def project(camera: Camera, points: Float32[Tensor, "n 3"]) -> Float32[Tensor, "n 2"]:
    x = points @ camera.rotation.T + camera.translation
    #! x = camera.rotation @ points + camera.translation
    for stage in camera.stages:
        x = x @ stage["kernel"] * stage["scale"]
        #! x = x @ stage["scale"] * stage["kernel"]
    return x[:, :2] / x[:, 2:]
    #! return x[:, :2] / x[:, 0:]


def main() -> None:
    stage: Stage = {"kernel": flux.eye(3), "scale": flux.asarray(2.0)}
    camera = Camera(flux.eye(3), flux.ones(3), [stage, stage])
    #! camera = Camera(flux.eye(3), flux.ones(4), [stage, stage])
    project(camera, flux.rand((5, 3)))  #?

=== match_statement
def reduced(x: Float32[Tensor, "n d"], how: str) -> Float32[Tensor, "n"]:
    match how:
        case "sum":
            return x.sum(axis=1)
        case "norm":
            return flux.sqrt((x * x).sum(axis=1))
        case _:
            first, *_ = flux.unstack(x, axis=1)
            return first


def compare(x: Float32[Tensor, "n d"], y: Float32[Tensor, "m d"]) -> Float32[Tensor, "n m"]:
    total = flux.zeros((x.shape[0], y.shape[0]))
    for how in ("sum", "norm", "first"):
        total = total + reduced(x, how)[:, None] * reduced(y, how)
        #! total = total + reduced(x, how) * reduced(y, how)[:, None]
    while float(total.max()) > 1:
        total = total / 2
        #! total = total / 2 + reduced(x, "sum")
    return total


def main() -> None:
    compare(flux.rand((4, 3)) + 1, flux.rand((5, 3)))
"""
