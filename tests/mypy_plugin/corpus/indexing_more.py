"""Indexing, in longer programs."""

PROGRAMS = """
=== replay_buffer
class Replay:
    states: Float32[Tensor, "1000 8"]
    actions: Int64[Tensor, "1000"]
    rewards: Float32[Tensor, "1000"]

    def __init__(self) -> None:
        self.states = flux.zeros((1000, 8))
        self.actions = flux.zeros(1000, dtype=flux.int64)
        self.rewards = flux.zeros(1000)
        #! self.rewards = flux.zeros(1000, dtype=flux.int64)

    def put(self, place: int, state: Float32[Tensor, "8"], action: int, reward: float) -> None:
        self.states = self.states.at[place].set(state)
        #! self.states = self.states.at[place].set(state[:, None])
        self.actions = self.actions.at[place].set(action)
        self.rewards = self.rewards.at[place].set(reward)  #?

    def sample(self, n: Size["n"]) -> tuple[Float32[Tensor, "n 8"], Float32[Tensor, "n"]]:
        chosen = flux.randint(0, 1000, (n,))
        return self.states[chosen], self.rewards[chosen]  #?


def main() -> None:
    replay = Replay()
    replay.put(3, flux.ones(8), 1, 0.5)
    states, rewards = replay.sample(4)
    print((states * rewards[:, None]).sum())
    #! print((states * rewards).sum())

=== token_dropping
def keep_best(
    tokens: Float32[Tensor, "b n d"], scores: Float32[Tensor, "b n"], k: Literal[16] = 16
) -> Float32[Tensor, "b 16 d"]:
    _, best = flux.topk(scores, 16, axis=1)
    index = flux.broadcast_to(best[:, :, None], (*best.shape, tokens.shape[2]))
    #! index = flux.broadcast_to(best[:, None, :], (*best.shape, tokens.shape[2]))
    return flux.take_along_axis(tokens, index, axis=1)


def block(x: Float32[Tensor, "b n 32"], w: Float32[Tensor, "32"]) -> Float32[Tensor, "b 16 32"]:
    scores = x @ w
    #! scores = x @ w[:, None]
    return keep_best(x, scores)  #?
    #! return keep_best(x, x)


def main() -> None:
    block(flux.rand((2, 20, 32)), flux.rand((32,)))

=== sobel_filter
def gradient(image: Float32[Tensor, "h w"]) -> Float32[Tensor, "h-2 w-2"]:
    across = image[:, 2:] - image[:, :-2]
    #! across = image[:, 2:] - image[:, :-1]
    down = image[2:, :] - image[:-2, :]
    gx = across[:-2] + 2 * across[1:-1] + across[2:]
    #! gx = across[:-2] + 2 * across[1:] + across[2:]
    gy = down[:, :-2] + 2 * down[:, 1:-1] + down[:, 2:]
    return flux.sqrt(gx**2 + gy**2)
    #! return flux.sqrt(gx**2 + down**2)


def energy(images: Float32[Tensor, "n h w"]) -> Float32[Tensor, "n"]:
    each = [gradient(image).mean() for image in images]
    return flux.stack(each)


def main() -> None:
    energy(flux.rand((3, 7, 8)))

=== language_model_batch
def windows(text: Int[Tensor, "length"], size: int, starts: list[int]) -> tuple[Tensor, Tensor]:
    x = flux.stack([text[i : i + size] for i in starts])
    y = flux.stack([text[i + 1 : i + 1 + size] for i in starts])
    return x, y


def bigram_loss(
    tokens: Int[Tensor, "batch time"], table: Float32[Tensor, "v v"]
) -> Float32[Tensor, ""]:
    inputs, targets = tokens[:, :-1], tokens[:, 1:]
    logits = table[inputs]
    #! logits = table[tokens]
    b, t, v = logits.shape
    flat = logits.reshape((b * t, v))
    return losses.logitcrossentropy(flat, targets.reshape((b * t,)))  #?
    #! return losses.logitcrossentropy(flat, tokens.reshape((b * t,)))


def last_logits(
    tokens: Int[Tensor, "batch time"], table: Float32[Tensor, "v v"]
) -> Float32[Tensor, "batch v"]:
    return table[tokens][:, -1, :]
    #! return table[tokens][:, -1, :, 0]


def main() -> None:
    text = flux.randint(0, 9, (50,))
    x, _ = windows(text, 8, [0, 5, 9])
    bigram_loss(x, flux.rand((9, 9)))
    last_logits(x, flux.rand((9, 9)))

=== patch_swap
def cutmix(
    x: Float32[Tensor, "b 3 32 32"], y: Float32[Tensor, "b k"], order: Int[Tensor, "b"]
) -> tuple[Float32[Tensor, "b 3 32 32"], Float32[Tensor, "b k"]]:
    other = x[order]
    patch = other[:, :, 8:24, 8:24]
    mixed = x.at[:, :, 8:24, 8:24].set(patch)
    #! mixed = x.at[:, :, 8:24, 8:20].set(patch)
    share = (16 * 16) / (32 * 32)
    labels = (1 - share) * y + share * y[order]
    #! labels = (1 - share) * y + share * y[order[:-1]]
    return mixed, labels  #?


def main() -> None:
    n = 4
    y = flux.one_hot(flux.arange(n), n + 1)
    cutmix(flux.rand((n, 3, 32, 32)), y, flux.permutation(n))

=== ranking_loss
def pairs(
    scores: Float32[Tensor, "n"], first: Int[Tensor, "p"], second: Int[Tensor, "p"]
) -> Float32[Tensor, ""]:
    gap = scores[first] - scores[second]
    #! gap = scores[first] - scores
    return flux.softplus(-gap).mean()


def hardest(
    distance: Float32[Tensor, "n n"], same: Bool[Tensor, "n n"]
) -> tuple[Float32[Tensor, "n"], Float32[Tensor, "n"]]:
    far = flux.where(same, distance, -flux.inf).max(axis=1)
    near = flux.where(same, flux.inf, distance).min(axis=1)
    #! near = flux.where(same[:-1], flux.inf, distance).min(axis=1)
    return far, near


def triplet(x: Float32[Tensor, "n d"], labels: Int[Tensor, "n"]) -> Float32[Tensor, ""]:
    distance = flux.sqrt(((x[:, None] - x[None]) ** 2).sum(axis=-1) + 1e-9)
    same = labels[:, None] == labels[None, :]
    far, near = hardest(distance, same)
    #! far, near = hardest(x, same)
    return flux.relu(far - near + 0.2).mean()


def main() -> None:
    triplet(flux.rand((5, 3)), flux.asarray([0, 0, 1, 1, 1]))
    pairs(flux.rand((4,)), flux.asarray([0, 1]), flux.asarray([2, 3]))
"""
