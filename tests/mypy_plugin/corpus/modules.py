"""Modules whose sizes are type variables of the class."""

PROGRAMS = """
=== linear_layer
In = TypeVar("In")
Out = TypeVar("Out")


class Linear(nn.Module, Generic[In, Out]):
    weight: Float32[Tensor, "Out In"]
    bias: Float32[Tensor, "Out"]

    def __init__(self, in_: Size[In], out: Size[Out]) -> None:
        self.weight = flux.randn((out, in_))
        #! self.weight = flux.randn((in_, out))
        self.bias = flux.zeros(out)

    def __call__(self, x: Float32[Tensor, "*batch In"]) -> Float32[Tensor, "*batch Out"]:
        return x @ self.weight.T + self.bias  #?
        #! return x @ self.weight + self.bias


def main() -> None:
    Linear(3, 4)(flux.rand((2, 3)))

=== use_of_a_class
D = TypeVar("D")


class Scale(nn.Module, Generic[D]):
    def __init__(self, d: Size[D]) -> None:
        self.gain: Float32[Tensor, "D"] = flux.ones(d)

    def __call__(self, x: Float32[Tensor, "batch D"]) -> Float32[Tensor, "batch D"]:
        return x * self.gain


def apply(x: Float32[Tensor, "batch 16"]) -> Float32[Tensor, "batch 16"]:
    scale = Scale(16)
    #! scale = Scale(61)
    return scale(x)  #?


def main() -> None:
    apply(flux.rand((2, 16)))

=== feed_forward
Width = TypeVar("Width")
Hidden = TypeVar("Hidden")


class FeedForward(nn.Module, Generic[Width, Hidden]):
    def __init__(self, width: Size[Width], hidden: Size[Hidden]) -> None:
        self.up = nn.Dense(width, hidden, flux.gelu)
        self.down = nn.Dense(hidden, width)
        #! self.down = nn.Dense(width, hidden)

    def __call__(self, x: Float[Tensor, "*batch Width"]) -> Float[Tensor, "*batch Width"]:
        return x + self.down(self.up(x))  #?


def main() -> None:
    FeedForward(8, 32)(flux.rand((2, 3, 8)))

=== composed
In = TypeVar("In")
Code = TypeVar("Code")


class Encoder(nn.Module, Generic[In, Code]):
    def __init__(self, in_: Size[In], code: Size[Code]) -> None:
        self.dense = nn.Dense(in_, code, flux.tanh)

    def __call__(self, x: Float[Tensor, "b In"]) -> Float[Tensor, "b Code"]:
        return self.dense(x)


class VAE(nn.Module, Generic[In, Code]):
    def __init__(self, in_: Size[In], code: Size[Code]) -> None:
        self.mean = Encoder(in_, code)
        self.spread = Encoder(in_, code)
        self.decoder = nn.Dense(code, in_)
        #! self.decoder = nn.Dense(in_, code)

    def __call__(self, x: Float32[Tensor, "b In"]) -> Float[Tensor, "b In"]:
        mean, log_var = self.mean(x), self.spread(x)
        z = mean + flux.exp(0.5 * log_var) * flux.randn(mean.shape)
        return self.decoder(z)  #?


def main() -> None:
    VAE(10, 3)(flux.rand((4, 10)))

=== dims_in_annotations
class Model(nn.Module):
    encoder: nn.Dense[Literal[784], Literal[64]]
    head: nn.Dense[Literal[64], Literal[10]]

    def __init__(self) -> None:
        self.encoder = nn.Dense(784, 64)
        self.head = nn.Dense(64, 10)

    def __call__(self, x: Float32[Tensor, "b 784"]) -> Float[Tensor, "b 10"]:
        return self.head(flux.relu(self.encoder(x)))
        #! return self.head(flux.relu(x))


def main() -> None:
    Model()(flux.rand((2, 784)))

=== inherited
D = TypeVar("D")


class Base(nn.Module, Generic[D]):
    weight: Float32[Tensor, "D D"]

    def __init__(self, d: Size[D]) -> None:
        self.weight = flux.eye(d)

    def mix(self, x: Float32[Tensor, "n D"]) -> Float32[Tensor, "n D"]:
        return x @ self.weight


class Twice(Base[D], Generic[D]):
    def __call__(self, x: Float32[Tensor, "n D"]) -> Float32[Tensor, "n D"]:
        return self.mix(self.mix(x))
        #! return self.mix(self.mix(x.T))


def main() -> None:
    Twice(3)(flux.rand((2, 3)))

=== built_from_tensor
K = TypeVar("K")
D = TypeVar("D")


class Codebook(Generic[K, D]):
    def __init__(self, codes: Float32[Tensor, "K D"]) -> None:
        self.codes = codes

    def nearest(self, x: Float32[Tensor, "n D"]) -> Int[Tensor, "n"]:
        gap = x[:, None] - self.codes[None]
        return flux.argmin((gap**2).sum(axis=-1), axis=1)

    def quantise(self, x: Float32[Tensor, "n D"]) -> Float32[Tensor, "n D"]:
        return self.codes[self.nearest(x)]


def main() -> None:
    book = Codebook(flux.randn((16, 4)))
    x = flux.randn((5, 4))
    #! x = flux.randn((5, 3))
    print(book.quantise(x))  #?

=== property_and_method silent
D = TypeVar("D")


class Gaussian(nn.Module, Generic[D]):
    mean: Float64[Tensor, "D"]
    factor: Float64[Tensor, "D D"]

    def __init__(self, d: Size[D]) -> None:
        self.mean = flux.zeros(d, dtype=flux.float64)
        self.factor = flux.eye(d, dtype=flux.float64)

    @property
    def covariance(self) -> Float64[Tensor, "D D"]:
        return self.factor @ self.factor.T
        #! return self.factor @ self.mean

    def sample(self, n: Size["n"]) -> Float64[Tensor, "n D"]:
        noise = flux.randn((n, self.mean.shape[0]), dtype=flux.float64)
        return self.mean + noise @ self.factor.T


def main() -> None:
    g = Gaussian(3)
    print(g.covariance @ g.mean)
    print(g.sample(5))

=== mixture_of_experts
D = TypeVar("D")
E = TypeVar("E")


class Experts(nn.Module, Generic[D, E]):
    weight: Float32[Tensor, "E D D"]
    gate: Float32[Tensor, "D E"]

    def __init__(self, d: Size[D], experts: Size[E]) -> None:
        self.weight = flux.randn((experts, d, d))
        self.gate = flux.randn((d, experts))
        #! self.gate = flux.randn((experts, d))

    def __call__(self, x: Float32[Tensor, "b D"]) -> Float32[Tensor, "b D"]:
        share = flux.softmax(x @ self.gate)  #?
        each = flux.einsum("bd,edf->bef", x, self.weight)
        return (share[:, :, None] * each).sum(axis=1)
        #! return (share[:, None, :] * each).sum(axis=1)


def main() -> None:
    Experts(4, 3)(flux.rand((2, 4)))

=== size_arithmetic
D = TypeVar("D")


class GLU(nn.Module, Generic[D]):
    def __init__(self, d: Size[D]) -> None:
        self.wide = nn.Dense(d, 2 * d)
        #! self.wide = nn.Dense(d, 4 * d)
        self.out = nn.Dense(d, d)

    def __call__(self, x: Float[Tensor, "*batch D"]) -> Float[Tensor, "*batch D"]:
        a, b = flux.split(self.wide(x), 2, axis=-1)
        return self.out(a * flux.sigmoid(b))  #?


def main() -> None:
    GLU(4)(flux.rand((2, 4)))

=== dataclass_module
@dataclass
class State:
    weight: Float32[Tensor, "10 4"]
    bias: Float32[Tensor, "10"]
    momentum: Float32[Tensor, "10 4"]


def descend(state: State, x: Float32[Tensor, "b 4"], y: Float32[Tensor, "b 10"]) -> State:
    error = x @ state.weight.T + state.bias - y
    slope = error.T @ x / x.shape[0]
    #! slope = x.T @ error / x.shape[0]
    momentum = 0.9 * state.momentum + slope  #?
    return State(state.weight - 0.1 * momentum, state.bias - 0.1 * error.mean(axis=0), momentum)


def main() -> None:
    state = State(flux.zeros((10, 4)), flux.zeros(10), flux.zeros((10, 4)))
    descend(state, flux.rand((3, 4)), flux.rand((3, 10)))

=== classmethod_builder
N = TypeVar("N")
M = TypeVar("M")


class Matrix(Generic[N, M]):
    def __init__(self, data: Float32[Tensor, "N M"]) -> None:
        self.data = data

    def times(self, v: Float32[Tensor, "M"]) -> Float32[Tensor, "N"]:
        return self.data @ v

    def adjoint(self, v: Float32[Tensor, "N"]) -> Float32[Tensor, "M"]:
        return v @ self.data
        #! return self.data @ v


def normal_equations(a: Matrix[N, M], v: Float32[Tensor, "M"]) -> Float32[Tensor, "M"]:
    return a.adjoint(a.times(v))
    #! return a.adjoint(v)


def main() -> None:
    normal_equations(Matrix(flux.rand((3, 2))), flux.ones(2))

=== transformer_block
Width = TypeVar("Width")


class Block(nn.Module, Generic[Width]):
    def __init__(self, width: Size[Width], heads: int) -> None:
        self.norm1 = nn.LayerNorm(width)
        self.attend = nn.MultiHeadAttention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.up = nn.Dense(width, 4 * width, flux.gelu)
        self.down = nn.Dense(4 * width, width)

    def __call__(self, x: Float[Tensor, "b t Width"]) -> Float[Tensor, "b t Width"]:
        x = x + self.attend(self.norm1(x))
        y = self.norm2(x)
        y = self.up(y)
        y = self.down(y)
        #! y = self.down(self.norm2(y))
        return x + y


def main() -> None:
    Block(8, 2)(flux.rand((2, 3, 8)))
    Block(8, 2)(flux.rand((2, 5, 8)))
    #! Block(8, 2)(flux.rand((2, 5, 6)))
"""
