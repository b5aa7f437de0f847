"""Recurrent nets, in longer programs."""

PROGRAMS = '''
=== conv_lstm
class ConvLSTM(nn.Module):
    def __init__(self) -> None:
        self.gates = nn.Conv((3, 3), 24, 64, padding=1)
        #! self.gates = nn.Conv((3, 3), 16, 64, padding=1)

    def step(
        self,
        x: Float[Tensor, "b 8 h w"],
        hidden: Float[Tensor, "b 16 h w"],
        cell: Float[Tensor, "b 16 h w"],
    ) -> tuple[Float[Tensor, "b 16 h w"], Float[Tensor, "b 16 h w"]]:
        both = flux.concat([x, hidden], axis=1)
        i, f, o, g = flux.split(self.gates(both), 4, axis=1)  #?
        #! i, f, o, g = flux.split(self.gates(both), 4, axis=0)
        cell = flux.sigmoid(f) * cell + flux.sigmoid(i) * flux.tanh(g)  #?
        return flux.sigmoid(o) * flux.tanh(cell), cell

    def __call__(self, video: Float[Tensor, "b t 8 h w"]) -> Float[Tensor, "b 16 h w"]:
        b, t, c, h, w = video.shape
        hidden = flux.zeros((b, 16, h, w))
        #! hidden = flux.zeros((b, 16, w, h))
        cell = flux.zeros((b, 16, h, w))
        for k in range(t):
            new, cell = self.step(video[:, k], hidden, cell)  #?
            #! new, cell = self.step(video[k], hidden, cell)
            hidden = new.astype(flux.float32)
        return hidden


def main() -> None:
    ConvLSTM()(flux.rand((4, 3, 8, 5, 6)))

=== peephole_cell
In = TypeVar("In")
H = TypeVar("H")


class Cell(nn.Module, Generic[In, H]):
    w: Float32[Tensor, "In 4*H"]
    u: Float32[Tensor, "H 4*H"]
    peep: Float32[Tensor, "H"]

    def __init__(self, in_: Size[In], hidden: Size[H]) -> None:
        self.w = flux.randn((in_, 4 * hidden))
        self.u = flux.randn((hidden, 4 * hidden))
        #! self.u = flux.randn((hidden, 3 * hidden))
        self.peep = flux.zeros(hidden)
        #! self.peep = flux.zeros(in_)

    def __call__(
        self, x: Float32[Tensor, "b In"], h: Float32[Tensor, "b H"], c: Float32[Tensor, "b H"]
    ) -> tuple[Float32[Tensor, "b H"], Float32[Tensor, "b H"]]:
        z = x @ self.w + h @ self.u  #?
        #! z = x @ self.w + c @ self.u.T
        i, f, g, o = flux.split(z, 4, axis=1)
        c = flux.sigmoid(f + self.peep * c) * c + flux.sigmoid(i) * flux.tanh(g)  #?
        return flux.sigmoid(o) * flux.tanh(c), c


def unroll(cell: Cell[In, H], x: Float32[Tensor, "b t In"], h: Float32[Tensor, "b H"]) -> Tensor:
    c = flux.zeros_like(h)
    for t in range(x.shape[1]):
        h, c = cell(x[:, t], h, c)
        #! h, c = cell(x[:, :, t], h, c)
    return h


def main() -> None:
    unroll(Cell(3, 4), flux.rand((2, 5, 3)), flux.zeros((2, 4)))
    #! unroll(Cell(3, 4), flux.rand((2, 5, 3)), flux.zeros((2, 5)))

=== forecasting
class Forecast(nn.Module):
    """The next 12 values of 5 series, from the last 48."""

    def __init__(self) -> None:
        self.encoder = nn.LSTM(5, 64)
        self.out = nn.Dense(64, 60)
        #! self.out = nn.Dense(64, 12)

    def __call__(self, x: Float[Tensor, "batch 48 5"]) -> Float[Tensor, "batch 12 5"]:
        states = self.encoder(x)
        last = states[:, -1]
        #! last = states[:, -1, -1]
        y = self.out(last)  #?
        return y.reshape((x.shape[0], 12, 5))  #?
        #! return y.reshape((x.shape[0], 5, 12))


def windows(series: Float32[Tensor, "time 5"], starts: list[int]) -> Float32[Tensor, "_ 60 5"]:
    return flux.stack([series[i : i + 60] for i in starts])


def loss(model: Forecast, w: Float32[Tensor, "batch 60 5"]) -> Float[Tensor, ""]:
    past, future = flux.split(w, [48], axis=1)
    #! past, future = flux.split(w, [40], axis=1)
    return losses.mae(model(past), future)  #?
    #! return losses.mae(model(future), past)


def main() -> None:
    loss(Forecast(), windows(flux.rand((100, 5)), [0, 7, 30]))

=== char_generation
class CharRNN(nn.Module):
    def __init__(self) -> None:
        self.embed = nn.Embedding(96, 24)
        self.cell = nn.GRUCell(24, 40)
        #! self.cell = nn.GRUCell(96, 40)
        self.out = nn.Dense(40, 96)

    def step(
        self, token: Int[Tensor, "b"], state: Float[Tensor, "b 40"]
    ) -> tuple[Float[Tensor, "b 96"], Float[Tensor, "b 40"]]:
        y, state = self.cell(self.embed(token), state)  #?
        return self.out(y), state
        #! return self.out(y), y @ self.out.weight.T


def generate(model: CharRNN, start: Int[Tensor, "b"], steps: int) -> list[Int[Tensor, "b"]]:
    state: Float[Tensor, "b 40"] = flux.zeros((start.shape[0], 40))
    #! state: Float[Tensor, "b 40"] = flux.zeros((start.shape[0], 24))
    token = start
    out = []
    for _ in range(steps):
        logits, state = model.step(token, state)  #?
        token = flux.argmax(logits, axis=1)
        #! token = flux.argmax(logits, axis=1, keepdims=True)
        out.append(token)  #?
    return out  #?


def main() -> None:
    generate(CharRNN(), flux.asarray([3, 4]), 3)

=== bidirectional_crf
def score(
    emissions: Float32[Tensor, "time tags"],
    transitions: Float32[Tensor, "tags tags"],
    tags: Int[Tensor, "time"],
) -> Float32[Tensor, ""]:
    steps = flux.arange(emissions.shape[0])
    emitted = emissions[steps, tags].sum()
    moved = transitions[tags[:-1], tags[1:]].sum()
    #! moved = transitions[tags[:-1], tags].sum()
    return emitted + moved


def partition(
    emissions: Float32[Tensor, "time tags"], transitions: Float32[Tensor, "tags tags"]
) -> Float32[Tensor, ""]:
    alpha = emissions[0]
    for t in range(1, emissions.shape[0]):
        alpha = flux.logsumexp(alpha[:, None] + transitions, axis=0) + emissions[t]
        #! alpha = flux.logsumexp(alpha[:, None] + transitions, axis=0) + emissions[:, t]
    return flux.logsumexp(alpha)


class Tagger(nn.Module):
    def __init__(self) -> None:
        self.rnn = nn.LSTM(10, 8, bidirectional=True)
        self.emit = nn.Dense(16, 5)
        #! self.emit = nn.Dense(8, 5)

    def __call__(self, x: Float[Tensor, "1 time 10"]) -> Float[Tensor, "time 5"]:
        return self.emit(self.rnn(x))[0]  #?


def main() -> None:
    e = Tagger()(flux.rand((1, 6, 10))).astype(flux.float32)
    moves = flux.zeros((5, 5))
    #! moves = flux.zeros((6, 5))
    print(partition(e, moves) - score(e, moves, flux.asarray([0, 1, 2, 3, 4, 0])))  #?
'''
