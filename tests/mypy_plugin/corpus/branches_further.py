"""Containers and branches, in the words of others."""

PROGRAMS = """
=== parameters_in_dictionaries
def init(sizes: list[int]) -> dict[str, Tensor]:
    p: dict[str, Tensor] = {}
    for i, (a, b) in enumerate(zip(sizes, sizes[1:], strict=False)):
        p[f"w{i}"] = flux.randn((a, b))
        p[f"b{i}"] = flux.zeros(b)
    return p


class Head(TypedDict, total=False):
    weight: Float32[Tensor, "32 10"]
    bias: Float32[Tensor, "10"]


def logits(h: Float32[Tensor, "n 32"], head: Head) -> Float32[Tensor, "n 10"]:
    y = h @ head["weight"]
    #! y = head["weight"] @ h
    if "bias" in head:
        y = y + head["bias"]
    return y


def main() -> None:
    p = init([8, 32, 10])
    h = flux.relu(flux.rand((3, 8)) @ p["w0"] + p["b0"])
    logits(h, {"weight": flux.rand((32, 10))})
    logits(h, {"weight": flux.rand((32, 10)), "bias": flux.zeros(10)})
    #! logits(h, {"weight": flux.rand((32, 10)), "bias": flux.zeros(32)})

=== modes_of_a_block
class Block(nn.Module):
    def __init__(self, kind: Literal["plain", "gated"] = "plain") -> None:
        self.kind = kind
        self.a = nn.Dense(20, 20)
        self.b = nn.Dense(20, 20)
        #! self.b = nn.Dense(20, 10)

    def __call__(self, x: Float[Tensor, "n 20"]) -> Float[Tensor, "n 20"]:
        y = self.a(x)
        if self.kind == "gated":
            y = y * flux.sigmoid(self.b(x))  #?
        elif self.kind == "plain":
            y = flux.relu(y)
            #! y = flux.relu(y @ self.a.bias)
        else:
            raise ValueError(self.kind)
        return x + y  #?


def main() -> None:
    for kind in ("plain", "gated"):
        Block("gated" if kind == "gated" else "plain")(flux.rand((2, 20)))

=== guarded_inputs
def as_batch(x: Float32[Tensor, "*any 6"]) -> Float32[Tensor, "_ 6"]:
    if x.ndim == 1:
        return x[None]
    if x.ndim > 2:
        return x.reshape((-1, 6))
        #! return x.reshape((-1, 5))
    return x


def predict(
    x: Float32[Tensor, "n 6"], weights: list[Float32[Tensor, "6 2"]] | None = None
) -> Float32[Tensor, "n 2"]:
    if not weights:
        return flux.zeros((x.shape[0], 2))
        #! return flux.zeros((2, x.shape[0]))
    total = x @ weights[0]
    for w in weights[1:]:
        total = total + x @ w
        #! total = total + w.T @ x
    return total / len(weights)  #?


def main() -> None:
    x = as_batch(flux.rand((2, 3, 6)))
    predict(x) + predict(as_batch(flux.rand((6,))), [flux.rand((6, 2))])
    predict(x, [flux.rand((6, 2)), flux.rand((6, 2))])

=== loop_with_break
def bisect(
    f: Callable[[Float64[Tensor, "n"]], Float64[Tensor, "n"]],
    low: Float64[Tensor, "n"],
    high: Float64[Tensor, "n"],
) -> Float64[Tensor, "n"]:
    for _ in range(30):
        middle = (low + high) / 2
        value = f(middle)
        if float(flux.abs(value).max()) < 1e-9:
            break
        left = value > 0
        low = flux.where(left, low, middle)
        #! low = flux.where(left[1:], low, middle)
        high = flux.where(left, middle, high)
    else:
        print("not settled")
    return (low + high) / 2


def main() -> None:
    f = flux.float64
    root = bisect(lambda x: x**3 - 2, flux.zeros(3, dtype=f), flux.full((3,), 2.0, dtype=f))
    print(root * flux.ones(3, dtype=f))
    #! print(root * flux.ones(4, dtype=f))
"""
