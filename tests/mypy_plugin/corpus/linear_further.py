"""Matrix products and linear layers, in the words of others."""

PROGRAMS = '''
=== page_rank
def page_rank(links: Float64[Tensor, "p p"], damping: float = 0.85, steps: int = 10) -> Tensor:
    """The stationary distribution of a walk along links."""
    n = links.shape[0]
    out = flux.maximum(links.sum(axis=1, keepdims=True), 1.0)
    transition = links / out
    rank = flux.full((n,), 1.0 / n, dtype=flux.float64)
    teleport = flux.full((n, 1), 1.0 / n, dtype=flux.float64)
    for _ in range(steps):
        rank = damping * (rank @ transition) + (1 - damping) * teleport[:, 0]
        #! rank = damping * (rank @ transition) + (1 - damping) * teleport[:, 1]
    return rank


def main() -> None:
    links = (flux.rand((5, 5), dtype=flux.float64) > 0.5).astype(flux.float64)
    print(page_rank(links))
    print(page_rank(links, steps=3) @ flux.ones(5, dtype=flux.float64))

=== local_tensors
def main() -> None:
    batch, features, hidden, classes = 16, 20, 12, 4
    x = flux.randn((batch, features))
    w1 = flux.randn((features, hidden)) * 0.1
    #! w1 = flux.randn((batch, hidden)) * 0.1
    b1 = flux.zeros((hidden,))
    w2 = flux.randn((hidden, classes)) * 0.1
    h = flux.tanh(x @ w1 + b1)  #?
    logits = h @ w2
    #! logits = w2 @ h
    p = flux.softmax(logits, axis=-1)
    y = flux.one_hot(flux.arange(batch) % classes, classes)
    d_logits = (p - y) / batch
    d_w2 = h.T @ d_logits
    #! d_w2 = d_logits @ h.T
    d_h = d_logits @ w2.T * (1 - h**2)
    #! d_h = d_logits @ w2 * (1 - h**2)
    d_w1 = x.T @ d_h
    w1, w2 = w1 - 0.1 * d_w1, w2 - 0.1 * d_w2  #?
    print(w1.shape, w2.shape, d_h.sum(axis=0).shape == b1.shape)

=== bilinear_layer
class Matcher(nn.Module):
    """How well a question fits an answer."""

    def __init__(self) -> None:
        self.question = nn.Dense(300, 64, flux.tanh)
        self.answer = nn.Dense(200, 64, flux.tanh)
        #! self.answer = nn.Dense(200, 46, flux.tanh)
        self.bilinear = nn.Bilinear((64, 64), 1)

    def __call__(self, q: Float[Tensor, "b 300"], a: Float[Tensor, "b 200"]) -> Float[Tensor, "b"]:
        left, right = self.question(q), self.answer(a)
        #! left, right = self.question(a), self.answer(a)
        score = self.bilinear(left, right)  #?
        return score[:, 0]


def main() -> None:
    Matcher()(flux.rand((3, 300)), flux.rand((3, 200)))

=== echo_state
class Reservoir:
    def __init__(self, inputs: int, size: int) -> None:
        self.w_in = flux.uniform((50, 3), -1.0, 1.0)
        self.w = flux.uniform((50, 50), -1.0, 1.0) * 0.1

    def run(self, u: Float32[Tensor, "time 3"]) -> Float32[Tensor, "time 50"]:
        x = flux.zeros(50)
        states = []
        for t in range(u.shape[0]):
            x = flux.tanh(self.w_in @ u[t] + self.w @ x)
            #! x = flux.tanh(u[t] @ self.w_in + self.w @ x)
            states.append(x)
        return flux.stack(states)


def readout(s: Float32[Tensor, "time 50"], y: Float32[Tensor, "time k"]) -> Tensor:
    gram = s.T @ s + 1e-3 * flux.eye(50)
    #! gram = s.T @ s + 1e-3 * flux.eye(y.shape[1])
    cross = s.T @ y
    return cross / flux.einsum("ii->i", gram)[:, None]
    #! return cross / flux.einsum("ii->i", gram)[None]


def main() -> None:
    r = Reservoir(3, 50)
    readout(r.run(flux.rand((8, 3))), flux.rand((8, 2)))
'''
