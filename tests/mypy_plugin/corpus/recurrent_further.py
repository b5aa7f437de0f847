"""Recurrent nets, in the words of others."""

PROGRAMS = """
=== stacked_cells
class Stacked(nn.Module):
    def __init__(self) -> None:
        self.lower = nn.GRUCell(10, 20)
        self.upper = nn.GRUCell(20, 30)
        #! self.upper = nn.GRUCell(10, 30)
        self.read = nn.Dense(30, 1)

    def __call__(self, x: Float[Tensor, "b t 10"]) -> Float[Tensor, "b t"]:
        b, t, _ = x.shape
        low, high = flux.zeros((b, 20)), flux.zeros((b, 30))
        #! low, high = flux.zeros((b, 30)), flux.zeros((b, 20))
        out = []
        for k in range(t):
            y, low = self.lower(x[:, k], low)  #?
            z, high = self.upper(y, high)  #?
            out.append(self.read(z)[:, 0])
            #! out.append(self.read(y)[:, 0])
        return flux.stack(out, axis=1)


def main() -> None:
    Stacked()(flux.rand((2, 4, 10)))

=== sequence_labels
class Tagger(nn.Module):
    def __init__(self, words: int, tags: int) -> None:
        self.embed = nn.Embedding(300, 25)
        self.encode = nn.LSTM(25, 30, num_layers=2, bidirectional=True)
        self.decode = nn.Dense(60, 12)
        #! self.decode = nn.Dense(30, 12)

    def __call__(self, words: Int[Tensor, "b t"]) -> Float[Tensor, "b t 12"]:
        return self.decode(self.encode(self.embed(words)))  #?


def loss(model: Tagger, words: Int[Tensor, "b t"], tags: Int[Tensor, "b t"]) -> Float[Tensor, ""]:
    logits = model(words)
    return losses.logitcrossentropy(logits, tags)
    #! return losses.logitcrossentropy(logits, tags[:, :-1])


def main() -> None:
    words = flux.randint(0, 300, (2, 6))
    loss(Tagger(300, 12), words, words % 12)
    print(flux.argmax(Tagger(300, 12)(words), axis=-1) == words)
    #! print(flux.argmax(Tagger(300, 12)(words), axis=-1) == words.T)

=== linear_state_space
def scan_ssm(
    u: Float32[Tensor, "time k"],
    a: Float32[Tensor, "n"],
    b: Float32[Tensor, "n k"],
    c: Float32[Tensor, "m n"],
) -> Float32[Tensor, "time m"]:
    x = flux.zeros((a.shape[0],))
    #! x = flux.zeros((u.shape[1],))
    ys = []
    for t in range(u.shape[0]):
        x = a * x + b @ u[t]  #?
        #! x = a * x + u[t] @ b
        ys.append(c @ x)
        #! ys.append(x @ c)
    return flux.stack(ys)


def main() -> None:
    scan_ssm(flux.rand((6, 2)), flux.full((4,), 0.9), flux.rand((4, 2)), flux.rand((3, 4)))

=== state_handed_on
def teacher_forced(x: Float32[Tensor, "b t 6"]) -> Float[Tensor, "b t 6"]:
    rnn = nn.GRU(6, 18)
    head = nn.Dense(18, 6)
    shifted = flux.concat([flux.zeros((x.shape[0], 1, 6)), x[:, :-1]], axis=1)
    #! shifted = flux.concat([flux.zeros((x.shape[0], 6)), x[:, :-1]], axis=1)
    y = rnn(shifted)
    prediction = head(y)
    #! prediction = head(shifted)
    print(losses.mse(prediction, x))
    #! print(losses.mse(prediction, x[:, 1:]))
    return prediction


def main() -> None:
    teacher_forced(flux.rand((2, 5, 6)))
"""
