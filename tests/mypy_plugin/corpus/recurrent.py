"""Recurrent nets: cells by hand, layers, states, scans."""

PROGRAMS = """
=== rnn_by_hand
def rnn(
    x: Float32[Tensor, "batch time n"],
    w: Float32[Tensor, "n h"],
    u: Float32[Tensor, "h h"],
    b: Float32[Tensor, "h"],
) -> Float32[Tensor, "batch h"]:
    state = flux.zeros((x.shape[0], u.shape[0]))
    for t in range(x.shape[1]):
        state = flux.tanh(x[:, t] @ w + state @ u + b)
        #! state = flux.tanh(x[:, t] @ w + state @ w + b)
    return state


def main() -> None:
    rnn(flux.rand((2, 5, 3)), flux.rand((3, 4)), flux.rand((4, 4)), flux.zeros(4))

=== lstm_by_hand
class LSTM(nn.Module):
    def __init__(self) -> None:
        self.w = flux.randn((28, 256))
        self.u = flux.randn((64, 256))
        self.b = flux.zeros((256,))
        #! self.b = flux.zeros((64,))

    def step(
        self, x: Float32[Tensor, "b 28"], h: Float32[Tensor, "b 64"], c: Float32[Tensor, "b 64"]
    ) -> tuple[Float32[Tensor, "b 64"], Float32[Tensor, "b 64"]]:
        gates = x @ self.w + h @ self.u + self.b  #?
        i, f, g, o = flux.split(gates, 4, axis=1)
        c = flux.sigmoid(f) * c + flux.sigmoid(i) * flux.tanh(g)
        return flux.sigmoid(o) * flux.tanh(c), c

    def __call__(self, x: Float32[Tensor, "b time 28"]) -> Float32[Tensor, "b 64"]:
        h = flux.zeros((x.shape[0], 64))
        c = flux.zeros((x.shape[0], 64))
        #! c = flux.zeros((x.shape[0], 32))
        for t in range(x.shape[1]):
            h, c = self.step(x[:, t], h, c)  #?
        return h


def main() -> None:
    LSTM()(flux.rand((3, 4, 28)))

=== gru_gates
def gru(
    x: Float32[Tensor, "b n"],
    h: Float32[Tensor, "b m"],
    w: Float32[Tensor, "n 3*m"],
    u: Float32[Tensor, "m 3*m"],
) -> Float32[Tensor, "b m"]:
    xr, xz, xn = flux.split(x @ w, 3, axis=-1)
    hr, hz, hn = flux.split(h @ u, 3, axis=-1)
    #! hr, hz, hn = flux.split(h @ u, 3, axis=0)
    r, z = flux.sigmoid(xr + hr), flux.sigmoid(xz + hz)  #?
    return (1 - z) * flux.tanh(xn + r * hn) + z * h


def main() -> None:
    gru(flux.rand((3, 2)), flux.rand((3, 4)), flux.rand((2, 12)), flux.rand((4, 12)))

=== last_output
class Classifier(nn.Module):
    def __init__(self) -> None:
        self.embed = nn.Embedding(1000, 32)
        self.lstm = nn.LSTM(32, 64)
        #! self.lstm = nn.LSTM(64, 64)
        self.out = nn.Dense(64, 2)

    def __call__(self, tokens: Int[Tensor, "batch time"]) -> Float[Tensor, "batch 2"]:
        x = self.embed(tokens)
        y = self.lstm(x)  #?
        return self.out(y[:, -1])
        #! return self.out(y)


def main() -> None:
    Classifier()(flux.randint(0, 1000, (2, 7)))

=== bidirectional
class Tagger(nn.Module):
    def __init__(self) -> None:
        self.embed = nn.Embedding(500, 16)
        self.rnn = nn.GRU(16, 24, bidirectional=True)
        self.tags = nn.Dense(48, 9)
        #! self.tags = nn.Dense(24, 9)

    def __call__(self, words: Int[Tensor, "batch time"]) -> Float[Tensor, "batch time 9"]:
        x = self.embed(words)
        x = self.rnn(x)
        return self.tags(x)  #?


def main() -> None:
    Tagger()(flux.randint(0, 500, (2, 5)))

=== cell_loop
def encode(x: Float32[Tensor, "batch time 8"]) -> Float[Tensor, "batch time 16"]:
    cell = nn.GRUCell(8, 16)
    state = flux.zeros((x.shape[0], 16))
    #! state = flux.zeros((x.shape[0], 8))
    outputs = []
    for t in range(x.shape[1]):
        y, state = cell(x[:, t], state)  #?
        outputs.append(y)
    return flux.stack(outputs, axis=1)


def main() -> None:
    encode(flux.rand((2, 3, 8)))

=== lstm_cell_state
def decode(code: Float32[Tensor, "batch 32"], steps: int) -> Float[Tensor, "batch 10"]:
    cell = nn.LSTMCell(10, 32)
    read = nn.Dense(32, 10)
    x = flux.zeros((code.shape[0], 10))
    state = (code, flux.zeros_like(code))
    h, state = cell(x, state)
    #! h, state = cell(code, state)
    return read(h)
    #! return read(x)


def main() -> None:
    decode(flux.rand((2, 32)), 3)

=== stacked_layers
class Stacked(nn.Module):
    def __init__(self) -> None:
        self.first = nn.LSTM(12, 20, bidirectional=True)
        self.second = nn.LSTM(40, 20)
        #! self.second = nn.LSTM(20, 40)
        self.norm = nn.LayerNorm(20)

    def __call__(self, x: Float32[Tensor, "b t 12"]) -> Float[Tensor, "b t 20"]:
        return self.norm(self.second(self.first(x)))  #?


def main() -> None:
    Stacked()(flux.rand((2, 3, 12)))

=== time_major_mistake
def hidden(x: Float32[Tensor, "time batch 6"]) -> Float[Tensor, "time batch 5"]:
    gru = nn.GRU(6, 5)
    y = gru(x.permute_dims((1, 0, 2)))
    #! y = gru(x.permute_dims((1, 2, 0)))
    return y.permute_dims((1, 0, 2))


def main() -> None:
    hidden(flux.rand((3, 2, 6)))

=== scan_cumulative
def smooth(x: Float32[Tensor, "time d"], rate: float) -> Float32[Tensor, "time d"]:
    def step(
        level: Float32[Tensor, "d"], now: Float32[Tensor, "d"]
    ) -> tuple[Float32[Tensor, "d"], Float32[Tensor, "d"]]:
        level = (1 - rate) * level + rate * now
        return level, level

    start = flux.zeros((x.shape[1],))
    #! start = flux.zeros((x.shape[1], 1))
    _, levels = flux.scan(step, start, x)  #?
    return levels


def main() -> None:
    smooth(flux.rand((5, 3)), 0.1)

=== scan_rnn silent
def run(
    x: Float32[Tensor, "time batch n"], w: Float32[Tensor, "n h"], u: Float32[Tensor, "h h"]
) -> Float32[Tensor, "time batch h"]:
    def step(
        h: Float32[Tensor, "batch h"], xt: Float32[Tensor, "batch n"]
    ) -> tuple[Tensor, Tensor]:
        h = flux.tanh(xt @ w + h @ u)
        return h, h

    last, every = flux.scan(step, flux.zeros((x.shape[1], u.shape[0])), x)
    print(last.sum())
    return flux.tanh(x @ w)
    #! return x @ w @ u.T @ w.T


def main() -> None:
    run(flux.rand((4, 2, 3)), flux.rand((3, 5)), flux.rand((5, 5)))

=== attention_over_states
def pooled(
    states: Float32[Tensor, "batch time h"], query: Float32[Tensor, "h"]
) -> Float32[Tensor, "batch h"]:
    weights = flux.softmax(states @ query, axis=1)
    return flux.einsum("bt,bth->bh", weights, states)
    #! return flux.einsum("bh,bth->bh", weights, states)


def context(x: Float32[Tensor, "batch time 10"]) -> Float[Tensor, "batch 32"]:
    rnn = nn.RNN(10, 32)
    states = rnn(x)
    return pooled(states.astype(flux.float32), flux.ones(32))
    #! return pooled(states.astype(flux.float32), flux.ones(10))


def main() -> None:
    context(flux.rand((2, 4, 10)))

=== sequence_to_sequence
class Seq2Seq(nn.Module):
    def __init__(self, vocabulary: int = 50) -> None:
        self.source = nn.Embedding(50, 16)
        self.target = nn.Embedding(60, 16)
        self.encoder = nn.GRU(16, 32)
        self.decoder = nn.GRU(48, 32)
        #! self.decoder = nn.GRU(16, 32)
        self.out = nn.Dense(32, 60)

    def __call__(
        self, source: Int[Tensor, "b s"], target: Int[Tensor, "b t"]
    ) -> Float[Tensor, "b t 60"]:
        code = self.encoder(self.source(source))[:, -1]
        x = self.target(target)
        b, t = target.shape
        code = flux.broadcast_to(code[:, None], (b, t, 32))
        y = self.decoder(flux.concat([x, code], axis=2))  #?
        return self.out(y)


def main() -> None:
    Seq2Seq()(flux.randint(0, 50, (2, 5)), flux.randint(0, 60, (2, 4)))

=== highway
def highway(
    x: Float32[Tensor, "b d"], t: Float32[Tensor, "d d"], h: Float32[Tensor, "d d"]
) -> Float32[Tensor, "b d"]:
    gate = flux.sigmoid(x @ t - 2.0)
    return gate * flux.tanh(x @ h) + (1 - gate) * x


def deep(x: Float32[Tensor, "b 16"], layers: int = 3) -> Float32[Tensor, "b 16"]:
    for _ in range(layers):
        x = highway(x, flux.randn((16, 16)), flux.randn((16, 16)))
        #! x = highway(x, flux.randn((16, 16)), flux.randn((16, 61)))
    return x


def main() -> None:
    deep(flux.rand((2, 16)))

=== packed_sequences
def final_states(
    states: Float32[Tensor, "batch time h"], lengths: Int[Tensor, "batch"]
) -> Float32[Tensor, "batch h"]:
    index = flux.arange(states.shape[0])
    return states[index, lengths - 1]
    #! return states[index, lengths - 1, 0, 0]


def main() -> None:
    final_states(flux.rand((3, 5, 2)), flux.asarray([5, 1, 3]))
"""
