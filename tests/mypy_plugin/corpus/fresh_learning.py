"""Learning: regressions, clustering, reinforcement, derivatives, training steps and loops."""

PROGRAMS = """
=== linear_regression_gd
def predict(
    x: Float32[Tensor, "n d"], w: Float32[Tensor, "d"], b: Float32[Tensor, ""]
) -> Float32[Tensor, "n"]:
    return x @ w + b


def step(
    x: Float32[Tensor, "n d"], y: Float32[Tensor, "n"], w: Float32[Tensor, "d"],
    b: Float32[Tensor, ""],
) -> tuple[Float32[Tensor, "d"], Float32[Tensor, ""]]:
    residual = predict(x, w, b) - y
    grad_w = 2 / x.shape[0] * (x.T @ residual)
    #! grad_w = 2 / x.shape[0] * (x @ residual)
    #! grad_w = 2 / x.shape[0] * (residual @ x.T)
    grad_b = 2 * residual.mean()
    return w - 0.1 * grad_w, b - 0.1 * grad_b
    #!silent return w - 0.1 * grad_w, b - 0.1 * residual


def main() -> None:
    x, y = flux.randn((50, 3)), flux.randn((50,))
    #! x, y = flux.randn((50, 3)), flux.randn((3,))
    w, b = flux.zeros((3,)), flux.asarray(0.0)
    for _ in range(2):
        w, b = step(x, y, w, b)  #?
    print(w, b)

=== ridge_and_scaling
def standardise(
    x: Float64[Tensor, "n d"],
) -> tuple[Float64[Tensor, "n d"], Float64[Tensor, "d"], Float64[Tensor, "d"]]:
    mean, std = x.mean(axis=0), x.std(axis=0)
    #! mean, std = x.mean(axis=1), x.std(axis=1)
    return (x - mean) / std, mean, std  #?


def ridge_loss(
    w: Float64[Tensor, "d k"], x: Float64[Tensor, "n d"], y: Float64[Tensor, "n k"]
) -> Float64[Tensor, ""]:
    fit = ((x @ w - y) ** 2).sum(axis=1).mean()
    #! fit = ((w @ x - y) ** 2).sum(axis=1).mean()
    #! fit = ((x @ w - y.T) ** 2).sum(axis=1).mean()
    return fit + 0.1 * (w**2).sum()
    #!later return fit + 0.1 * (w**2).sum(axis=1)


def main() -> None:
    table = data.diabetes()
    x, mean, std = standardise(flux.rand((40, 10), dtype=flux.float64))
    y = flux.rand((40, 2), dtype=flux.float64)
    w = flux.zeros((10, 2), dtype=flux.float64)
    grad = flux.gradient(ridge_loss, w, x, y)[0]
    w = w - 0.01 * grad
    #! w = w - 0.01 * grad.T
    print(ridge_loss(w, x, y), mean.shape, std.shape, table)

=== logistic_newton
def loss(
    w: Float[Tensor, "d"], x: Float[Tensor, "n d"], y: Float[Tensor, "n"]
) -> Float[Tensor, ""]:
    return losses.logitbinarycrossentropy(x @ w, y)
    #! return losses.logitbinarycrossentropy(x.T @ w, y)


def hessian(w: Float[Tensor, "d"], x: Float[Tensor, "n d"]) -> Float[Tensor, "d d"]:
    p = flux.sigmoid(x @ w)
    s = p * (1 - p)
    return x.T @ (s[:, None] * x) / x.shape[0]
    #! return x.T @ (s * x) / x.shape[0]
    #!later return x @ (s[:, None] * x).T / x.shape[0]


def main() -> None:
    x = flux.randn((30, 4))
    y = (flux.rand((30,)) > 0.5).astype(flux.float32)
    w = flux.zeros((4,))
    g = flux.gradient(lambda w: loss(w, x, y), w)
    h = hessian(w, x)
    automatic = flux.hessian(lambda w: loss(w, x, y), w)
    print(((h - automatic) ** 2).sum())
    #! print(((h - g[:3]) ** 2).sum())
    direction = h @ g
    #! direction = h @ flux.ones((30,))
    w = w - direction
    print(loss(w, x, y))
    #! print(loss(w, y, x))

=== k_means
def assign(x: Float[Tensor, "n d"], centres: Float[Tensor, "k d"]) -> Int[Tensor, "n"]:
    distance = ((x[:, None, :] - centres[None, :, :]) ** 2).sum(axis=-1)
    #! distance = ((x - centres) ** 2).sum(axis=-1)
    return flux.argmin(distance, axis=1)  #?
    #!later return flux.argmin(distance, axis=0)


def update(
    x: Float[Tensor, "n d"], labels: Int[Tensor, "n"], k: Size["k"]
) -> Float[Tensor, "k d"]:
    member = flux.one_hot(labels, k)
    count = flux.maximum(member.sum(axis=0), 1.0)
    return (member.T @ x) / count[:, None]
    #! return (member.T @ x) / count
    #! return (member @ x) / count[:, None]


def main() -> None:
    x = flux.randn((60, 2))
    centres = x[:5]
    for _ in range(3):
        centres = update(x, assign(x, centres), 5)  #?
    print((centres[assign(x, centres)] - x).mean(axis=0))

=== pca
def covariance(x: Float[Tensor, "n d"]) -> Float[Tensor, "d d"]:
    centred = x - x.mean(axis=0)
    return centred.T @ centred / (x.shape[0] - 1)
    #!later return centred @ centred.T / (x.shape[0] - 1)


def power_iteration(c: Float[Tensor, "d d"], steps: int) -> Float[Tensor, "d"]:
    v = flux.ones((c.shape[0],))
    for _ in range(steps):
        v = c @ v
        v = v / flux.sqrt((v**2).sum())
    return v
    #!later return v[:, None]


def main() -> None:
    x = flux.randn((40, 6))
    c = covariance(x)
    first = power_iteration(c, 20)
    c = c - (first @ c @ first) * flux.outer(first, first)  #?
    second = power_iteration(c, 20)
    basis = flux.stack([first, second], axis=1)
    #! basis = flux.stack([first, second], axis=0)
    print((x @ basis).shape)  #?

=== gaussian_mixture
class GMM(NamedTuple):
    weight: Float[Tensor, "k"]
    mean: Float[Tensor, "k d"]
    var: Float[Tensor, "k d"]


def log_prob(m: GMM, x: Float[Tensor, "n d"]) -> Float[Tensor, "n k"]:
    z = (x[:, None, :] - m.mean) ** 2 / m.var
    log_det = flux.log(m.var).sum(axis=-1)
    #! log_det = flux.log(m.var).sum(axis=0)
    return flux.log(m.weight) - 0.5 * (z.sum(axis=-1) + log_det)  #?
    #!later return flux.log(m.weight) - 0.5 * (z.sum(axis=1) + log_det)


def em(m: GMM, x: Float[Tensor, "n d"]) -> GMM:
    joint = log_prob(m, x)
    r = flux.softmax(joint, axis=1)
    n = r.sum(axis=0)
    mean = r.T @ x / n[:, None]
    #! mean = r @ x / n[:, None]
    #! mean = r.T @ x / n
    var = r.T @ x**2 / n[:, None] - mean**2  #?
    return GMM(n / x.shape[0], mean, var + 1e-3)
    #!later return GMM(n / x.shape[0], var + 1e-3, n)


def main() -> None:
    x = flux.randn((80, 3))
    m = GMM(flux.full((4,), 0.25), flux.randn((4, 3)), flux.ones((4, 3)))
    #! m = GMM(flux.full((3,), 0.25), flux.randn((4, 3)), flux.ones((4, 3)))
    for _ in range(2):
        m = em(m, x)  #?
    print(m.weight)

=== rbf_kernel
def sqdist(a: Float[Tensor, "n d"], b: Float[Tensor, "m d"]) -> Float[Tensor, "n m"]:
    aa = (a**2).sum(axis=1, keepdims=True)
    #! aa = (a**2).sum(axis=1)
    bb = (b**2).sum(axis=1)
    return aa + bb - 2 * a @ b.T  #?
    #! return aa + bb - 2 * a @ b
    #! return aa + bb - 2 * b @ a.T


def kernel(
    a: Float[Tensor, "n d"], b: Float[Tensor, "m d"], scale: Float[Tensor, "d"]
) -> Float[Tensor, "n m"]:
    return flux.exp(-0.5 * sqdist(a / scale, b / scale))
    #! return flux.exp(-0.5 * sqdist(a / scale, b.T / scale))


def nadaraya_watson(
    x: Float[Tensor, "n d"], y: Float[Tensor, "n"], query: Float[Tensor, "m d"],
    scale: Float[Tensor, "d"],
) -> Float[Tensor, "m"]:
    k = kernel(query, x, scale)
    return (k @ y) / k.sum(axis=1)
    #! return (k @ y) / k.sum(axis=0)
    #!later return (y @ k.T) / k.sum(axis=1, keepdims=True)


def main() -> None:
    x, y = flux.randn((20, 2)), flux.randn((20,))
    out = nadaraya_watson(x, y, flux.randn((7, 2)), flux.ones((2,)))
    #! out = nadaraya_watson(x, y, flux.randn((7, 2)), flux.ones((7,)))
    print(losses.mse(out, flux.zeros((7,))))

=== maml_inner_step
Params = dict[str, Tensor]


class Weights(TypedDict):
    w1: Float32[Tensor, "1 40"]
    b1: Float32[Tensor, "40"]
    w2: Float32[Tensor, "40 1"]


def forward(p: Weights, x: Float32[Tensor, "n 1"]) -> Float32[Tensor, "n 1"]:
    h = flux.relu(x @ p["w1"] + p["b1"])
    #! h = flux.relu(x @ p["w2"] + p["b1"])
    return h @ p["w2"]


def inner(p: Weights, x: Float32[Tensor, "n 1"], y: Float32[Tensor, "n 1"]) -> Weights:
    g = flux.gradient(lambda q: losses.mse(forward(q, x), y), p)
    return {
        "w1": p["w1"] - 0.01 * g["w1"],
        "b1": p["b1"] - 0.01 * g["b1"],
        #! "b1": p["b1"] - 0.01 * g["w2"],
        "w2": p["w2"] - 0.01 * g["w2"],
        #!later "w2": p["w1"] - 0.01 * g["w1"],
    }


def outer(
    p: Weights, x: Float32[Tensor, "tasks n 1"], y: Float32[Tensor, "tasks n 1"]
) -> Float32[Tensor, ""]:
    total = flux.asarray(0.0)
    for i in range(x.shape[0]):
        fast = inner(p, x[i], y[i])
        total = total + losses.mse(forward(fast, x[i]), y[i])
        #! total = total + losses.mse(forward(fast, x), y[i])
        #! total = total + losses.mse(forward(fast, x[i])[:, 0], y[i])
    return total / x.shape[0]


def main() -> None:
    p: Weights = {
        "w1": flux.randn((1, 40)),
        "b1": flux.zeros((40,)),
        "w2": flux.randn((40, 1)),
        #! "w2": flux.randn((1, 40)),
    }
    grads = flux.gradient(lambda p: outer(p, flux.rand((3, 5, 1)), flux.rand((3, 5, 1))), p)  #?
    print(grads["w1"].shape)

=== physics_informed
class PINN(nn.Module):
    def __init__(self) -> None:
        self.a = nn.Dense(2, 32, flux.tanh)
        self.b = nn.Dense(32, 1)
        #! self.b = nn.Dense(64, 1)

    def __call__(self, tx: Float[Tensor, "2"]) -> Float[Tensor, ""]:
        return self.b(self.a(tx))[0]  #?
        #! return self.b(self.a(tx))


def residual(net: PINN, tx: Float[Tensor, "2"]) -> Float[Tensor, ""]:
    first = flux.gradient(lambda p: net(p), tx)
    second = flux.hessian(lambda p: net(p), tx)
    return first[0] - 0.1 * second[1, 1]
    #!silent return first[0] - 0.1 * second[1]


def loss(net: PINN, points: Float[Tensor, "n 2"]) -> Float[Tensor, ""]:
    r = flux.vmap(lambda p: residual(net, p))(points)
    #! r = flux.vmap(lambda p: residual(net, points))(points)
    return (r**2).mean()


def main() -> None:
    net = PINN()
    points = flux.rand((6, 2))
    #! points = flux.rand((6, 3))
    print(loss(net, points))  #?

=== neural_ode
def dynamics(
    state: Float[Tensor, "n 4"], w: Float[Tensor, "4 4"], b: Float[Tensor, "4"]
) -> Float[Tensor, "n 4"]:
    return flux.tanh(state @ w + b)


def rk4(
    f: Callable[[Float[Tensor, "n 4"]], Float[Tensor, "n 4"]],
    y: Float[Tensor, "n 4"],
    h: float,
) -> Float[Tensor, "n 4"]:
    k1 = f(y)
    k2 = f(y + h / 2 * k1)
    #! k2 = f(y + h / 2 * k1.T)
    k3 = f(y + h / 2 * k2)
    k4 = f(y + h * k3)
    return y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def solve(
    y: Float[Tensor, "n 4"], w: Float[Tensor, "4 4"], b: Float[Tensor, "4"], steps: int
) -> Float[Tensor, "steps n 4"]:
    f = partial(dynamics, w=w, b=b)
    #! f = partial(dynamics, w=b, b=w)
    path = [y]
    for _ in range(steps - 1):
        y = rk4(f, y, 0.1)  #?
        path.append(y)
    return flux.stack(path)


def main() -> None:
    w, b = flux.randn((4, 4)), flux.zeros((4,))
    target = flux.rand((5, 3, 4))

    def loss(w: Float[Tensor, "4 4"]) -> Float[Tensor, ""]:
        path = solve(flux.ones((3, 4)), w, b, 5)
        #! path = solve(flux.ones((4, 3)), w, b, 5)
        return losses.mse(path, target)

    print(flux.gradient(loss, w).shape)
    #! print(flux.gradient(loss, b).shape)

=== deep_q_learning
class Transition(NamedTuple):
    state: Float[Tensor, "b 4"]
    action: Int[Tensor, "b"]
    reward: Float[Tensor, "b"]
    following: Float[Tensor, "b 4"]
    done: Float[Tensor, "b"]


class QNet(nn.Module):
    def __init__(self) -> None:
        self.net = nn.Chain(nn.Dense(4, 64, flux.relu), nn.Dense(64, 2))

    def __call__(self, s: Float[Tensor, "b 4"]) -> Float[Tensor, "b 2"]:
        return self.net(s)


def td_loss(q: QNet, target: QNet, t: Transition, gamma: float = 0.99) -> Float[Tensor, ""]:
    chosen = flux.take_along_axis(q(t.state), t.action[:, None], axis=1)[:, 0]
    #! chosen = flux.take_along_axis(q(t.state), t.action, axis=1)[:, 0]
    best = target(t.following).max(axis=1)
    #! best = target(t.following).max(axis=2)
    #! best = target(t.reward).max(axis=1)
    goal = t.reward + gamma * (1 - t.done) * best
    return losses.huber_loss(chosen, flux.stop_gradient(goal))
    #! return losses.huber_loss(chosen[:, None], flux.stop_gradient(goal))


def main() -> None:
    b = 12
    batch = Transition(
        flux.rand((b, 4)),
        flux.randint(0, 2, (b,)),
        #!later flux.randint(0, 2, (b, 1)),
        flux.rand((b,)),
        flux.rand((b, 4)),
        flux.zeros((b,)),
    )
    q, target = QNet(), QNet()
    value, grads = flux.withgradient(lambda q: td_loss(q, target, batch), q)
    state = flux.setup(flux.RMSProp(1e-3), q)
    flux.update(state, q, grads)

=== ppo_loss
def gae(
    reward: Float[Tensor, "t n"], value: Float[Tensor, "t+1 n"], discount: float, lam: float
) -> Float[Tensor, "t n"]:
    delta = reward + discount * value[1:] - value[:-1]
    #! delta = reward + discount * value[1:] - value
    #! delta = reward + discount * value[:, 1:] - value[:-1]
    advantage = flux.zeros((reward.shape[1],))
    rows = []
    for t in range(reward.shape[0] - 1, -1, -1):
        advantage = delta[t] + discount * lam * advantage
        rows.append(advantage)
    return flux.flip(flux.stack(rows), axis=0)


def clipped(
    logits: Float[Tensor, "b a"],
    old: Float[Tensor, "b"],
    action: Int[Tensor, "b"],
    advantage: Float[Tensor, "b"],
) -> Float[Tensor, ""]:
    logp = flux.logsoftmax(logits)[flux.arange(logits.shape[0]), action]
    ratio = flux.exp(logp - old)
    low = flux.clip(ratio, 0.8, 1.2)
    return -flux.minimum(ratio * advantage, low * advantage).mean()
    #!silent return -flux.minimum(ratio * advantage[:, None], low * advantage).mean()


def main() -> None:
    reward, value = flux.rand((10, 4)), flux.rand((11, 4))
    #! reward, value = flux.rand((10, 4)), flux.rand((10, 4))
    advantage = gae(reward, value, 0.99, 0.95).reshape((-1,))  #?
    policy = nn.Dense(6, 3)
    states = flux.rand((40, 6))
    action = flux.randint(0, 3, (40,))
    old = flux.zeros((40,))
    print(clipped(policy(states), old, action, advantage))
    #! print(clipped(policy(states), old, action, gae(reward, value, 0.99, 0.95)))
    #! print(clipped(states, policy(old), action, advantage))

=== distillation
def distil(
    student: Float[Tensor, "b k"], teacher: Float[Tensor, "b k"], labels: Int[Tensor, "b"]
) -> Float[Tensor, ""]:
    t = 4.0
    soft = flux.softmax(teacher / t, axis=-1)
    logq = flux.logsoftmax(student / t, axis=-1)
    kl = (soft * (flux.log(soft + 1e-9) - logq)).sum(axis=-1).mean() * t * t
    #! kl = (soft * (flux.log(soft + 1e-9) - logq.T)).sum(axis=-1).mean() * t * t
    return 0.5 * kl + 0.5 * losses.logitcrossentropy(student, labels)
    #! return 0.5 * kl + 0.5 * losses.logitcrossentropy(student[:, 0], labels)


def main() -> None:
    teacher = nn.Chain(nn.Dense(32, 128, flux.relu), nn.Dense(128, 10))
    student = nn.Chain(nn.Dense(32, 16, flux.relu), nn.Dense(16, 10))
    #! student = nn.Chain(nn.Dense(32, 16, flux.relu), nn.Dense(16, 100))
    x, y = flux.rand((8, 32)), flux.randint(0, 10, (8,))
    #!silent x, y = flux.rand((8, 32)), flux.one_hot(flux.randint(0, 10, (8,)), 10) > 0
    guide = flux.stop_gradient(teacher(x))
    value, grads = flux.withgradient(lambda m: distil(m(x), guide, y), student)  #?
    print(value)

=== gan_training_step
def d_loss(
    d: nn.Chain, real: Float[Tensor, "b 2"], fake: Float[Tensor, "b 2"]
) -> Float[Tensor, ""]:
    a = losses.logitbinarycrossentropy(d(real), flux.ones((real.shape[0], 1)))
    b = losses.logitbinarycrossentropy(d(fake), flux.zeros((fake.shape[0], 1)))
    return a + b


def main() -> None:
    g = nn.Chain(nn.Dense(8, 32, flux.relu), nn.Dense(32, 2))
    d = nn.Chain(nn.Dense(2, 32, flux.leakyrelu), nn.Dense(32, 1))
    #! d = nn.Chain(nn.Dense(4, 32, flux.leakyrelu), nn.Dense(32, 1))
    opt_g, opt_d = flux.setup(flux.Adam(1e-3), g), flux.setup(flux.Adam(1e-3), d)
    real = flux.randn((16, 2))
    for _ in range(2):
        z = flux.randn((16, 8))
        #! z = flux.randn((16, 2))
        fake = flux.stop_gradient(g(z))  #?
        flux.update(opt_d, d, flux.gradient(lambda m: d_loss(m, real, fake), d))  #?
        #! flux.update(opt_d, d, flux.gradient(lambda m: d_loss(m, real, z), d))
        ones = flux.ones((16, 1))
        #! ones = flux.ones((16,))
        grads = flux.gradient(lambda m: losses.logitbinarycrossentropy(d(m(z)), ones), g)  #?
        #! grads = flux.gradient(lambda m: losses.logitbinarycrossentropy(m(d(z)), ones), g)
        flux.update(opt_g, g, grads)

=== per_example_gradients
def loss(w: Float[Tensor, "d k"], x: Float[Tensor, "d"], y: Int[Tensor, ""]) -> Float[Tensor, ""]:
    return -flux.logsoftmax(x @ w)[y]
    #! return -flux.logsoftmax(w @ x)[y]


def private_gradient(
    w: Float[Tensor, "d k"], x: Float[Tensor, "n d"], y: Int[Tensor, "n"], bound: float
) -> Float[Tensor, "d k"]:
    each = flux.vmap(lambda a, b: flux.gradient(lambda w: loss(w, a, b), w))(x, y)
    #! each = flux.vmap(lambda a, b: flux.gradient(lambda w: loss(w, a, b), w))(y, x)
    norm = flux.sqrt((each**2).sum(axis=(1, 2)))
    scale = flux.minimum(bound / norm, 1.0)
    return (each * scale[:, None, None]).mean(axis=0)
    #! return (each * scale).mean(axis=0)
    #!later return (each * scale[:, None, None]).mean(axis=1)


def main() -> None:
    w = flux.randn((5, 3))
    g = private_gradient(w, flux.randn((9, 5)), flux.randint(0, 3, (9,)), 1.0)
    print((w - 0.1 * g).shape)  #?

=== affine_coupling
class Coupling(nn.Module):
    def __init__(self) -> None:
        self.net = nn.Chain(nn.Dense(3, 32, flux.relu), nn.Dense(32, 6))
        #! self.net = nn.Chain(nn.Dense(3, 32, flux.relu), nn.Dense(32, 3))

    def __call__(
        self, x: Float[Tensor, "b 6"]
    ) -> tuple[Float[Tensor, "b 6"], Float[Tensor, "b"]]:
        a, b = x[:, :3], x[:, 3:]
        #! a, b = x[:, :3], x[:, 4:]
        h = self.net(a)
        shift, log_scale = h[:, :3], flux.tanh(h[:, 3:])
        y = b * flux.exp(log_scale) + shift  #?
        return flux.concat([y, a], axis=1), log_scale.sum(axis=1)
        #! return flux.concat([y, b, a], axis=1), log_scale.sum(axis=1)


def log_likelihood(flows: Sequence[Coupling], x: Float[Tensor, "b 6"]) -> Float[Tensor, "b"]:
    total = flux.zeros((x.shape[0],))
    for flow in flows:
        x, logdet = flow(x)
        total = total + logdet
    prior = -0.5 * (x**2).sum(axis=1) - 3 * math.log(2 * math.pi)
    return prior + total
    #!silent return (prior + total).mean()


def main() -> None:
    flows = [Coupling(), Coupling()]
    print(log_likelihood(flows, flux.rand((7, 6))).mean())
    #! print(log_likelihood(flows, flux.rand((7, 3))).mean())

=== diffusion_schedule
STEPS = 50


@dataclass
class Schedule:
    beta: Float32[Tensor, "50"]
    alpha_bar: Float32[Tensor, "50"]


def schedule() -> Schedule:
    beta = flux.linspace(1e-4, 0.02, STEPS)
    #!silent beta = flux.linspace(1e-4, 0.02, STEPS + 1)
    alpha_bar = flux.exp(flux.cumulative_sum(flux.log(1 - beta)))
    return Schedule(beta, alpha_bar)  #?


def extract(table: Float32[Tensor, "steps"], t: Int[Tensor, "b"]) -> Float32[Tensor, "b 1 1 1"]:
    return table[t][:, None, None, None]
    #!later return table[t][:, None, None]


def q_sample(
    s: Schedule,
    x: Float32[Tensor, "b c h w"],
    t: Int[Tensor, "b"],
    noise: Float32[Tensor, "b c h w"],
) -> Float32[Tensor, "b c h w"]:
    a = extract(s.alpha_bar, t)
    return flux.sqrt(a) * x + flux.sqrt(1 - a) * noise  #?
    #! return flux.sqrt(s.alpha_bar[t]) * x + flux.sqrt(1 - a) * noise


def main() -> None:
    s = schedule()  #?
    x = flux.rand((4, 3, 8, 8))
    t = flux.randint(0, STEPS, (4,))
    #! t = flux.rand((4,))
    noise = flux.randn(x.shape)
    #! noise = flux.randn(t.shape)
    noisy = q_sample(s, x, t, noise)  #?
    net = nn.Conv((3, 3), 3, 3, padding=1)
    #! net = nn.Conv((3, 3), 3, 3)
    print(losses.mse(net(noisy), noise))  #?

=== triplet_margin
def pairwise(x: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
    dot = x @ x.T
    #!later dot = x.T @ x
    square = (x * x).sum(axis=1)
    return flux.maximum(square[:, None] + square[None, :] - 2 * dot, 0.0)  #?


def hard_triplet(x: Float[Tensor, "n d"], labels: Int[Tensor, "n"]) -> Float[Tensor, ""]:
    distance = pairwise(x)
    same = labels[:, None] == labels[None, :]
    positive = flux.where(same, distance, 0.0).max(axis=1)
    negative = flux.where(same, 1e9, distance).min(axis=1)
    #! negative = flux.where(same, 1e9, x).min(axis=1)
    return flux.relu(positive - negative + 0.2).mean()


def main() -> None:
    embed = nn.Chain(nn.Dense(12, 32, flux.relu), nn.Dense(32, 8))
    x, y = flux.rand((10, 12)), flux.randint(0, 3, (10,))
    print(hard_triplet(embed(x), y))
    #! print(hard_triplet(embed(x), embed(x)))
    #! print(hard_triplet(embed(y), x))

=== matrix_factorisation
class MF(nn.Module):
    def __init__(self, users: int, items: int) -> None:
        self.user = nn.Embedding(30, 16)
        self.item = nn.Embedding(50, 16)
        self.user_bias = nn.Embedding(30, 1)
        self.item_bias = nn.Embedding(50, 1)

    def __call__(self, u: Int64[Tensor, "b"], i: Int64[Tensor, "b"]) -> Float[Tensor, "b"]:
        dot = (self.user(u) * self.item(i)).sum(axis=-1)
        #! dot = (self.user(u) @ self.item(i)).sum(axis=-1)
        return dot + self.user_bias(u)[:, 0] + self.item_bias(i)[:, 0]
        #!later return dot + self.user_bias(u) + self.item_bias(i)

    def scores(self, u: Int64[Tensor, "b"]) -> Float[Tensor, "b 50"]:
        return self.user(u) @ self.item.weight.T + self.item_bias.weight[:, 0]
        #! return self.user(u) @ self.item.weight + self.item_bias.weight[:, 0]
        #! return self.user(u) @ self.item.weight.T + self.user_bias.weight[:, 0]


def main() -> None:
    model = MF(30, 50)
    users, items = flux.randint(0, 30, (20,)), flux.randint(0, 50, (20,))
    ratings = flux.rand((20,)) * 5
    #! ratings = flux.rand((20, 1)) * 5
    state = flux.setup(flux.Adam(0.01), model)
    for u, i, r in data.DataLoader((users, items, ratings), batchsize=5, shuffle=True):
        grads = flux.gradient(lambda m: losses.mse(m(u, i), r), model)  #?
        #! grads = flux.gradient(lambda m: losses.mse(m(u, r), i), model)
        flux.update(state, model, grads)
    _, top = flux.topk(model.scores(users[:3]), 10)
    print(top.shape)

=== deep_interactions
class DLRM(nn.Module):
    def __init__(self) -> None:
        self.bottom = nn.Chain(nn.Dense(13, 32, flux.relu), nn.Dense(32, 8, flux.relu))
        #! self.bottom = nn.Chain(nn.Dense(13, 32, flux.relu), nn.Dense(32, 16, flux.relu))
        self.tables = [nn.Embedding(100, 8) for _ in range(3)]
        self.top = nn.Dense(8 + 16, 1)
        #! self.top = nn.Dense(8 + 9, 1)

    def __call__(
        self, dense: Float[Tensor, "b 13"], sparse: Int[Tensor, "b 3"]
    ) -> Float[Tensor, "b"]:
        d = self.bottom(dense)
        e = [table(sparse[:, i]) for i, table in enumerate(self.tables)]
        #! e = [table(sparse[i]) for i, table in enumerate(self.tables)]
        z = flux.stack([d, e[0], e[1], e[2]], axis=1)  #?
        pairs = (z @ z.mT).reshape((d.shape[0], 16))
        #! pairs = (z.mT @ z).reshape((d.shape[0], 16))
        return self.top(flux.concat([d, pairs], axis=1))[:, 0]  #?


def main() -> None:
    model = DLRM()
    y = model(flux.rand((6, 13)), flux.randint(0, 100, (6, 3)))
    #! y = model(flux.randint(0, 100, (6, 3)), flux.rand((6, 13)))
    clicks = (flux.rand((6,)) > 0.5).astype(flux.float32)
    print(losses.logitbinarycrossentropy(y, clicks))
    #! print(losses.logitbinarycrossentropy(y[:, None], clicks))

=== metrics
def confusion(guess: Int[Tensor, "n"], label: Int[Tensor, "n"]) -> Float[Tensor, "4 4"]:
    g, t = flux.one_hot(guess, 4), flux.one_hot(label, 4)
    return t.T @ g
    #! return t @ g
    #!silent return t @ g.T


def f1(matrix: Float[Tensor, "k k"]) -> Float[Tensor, "k"]:
    hit = (matrix * flux.eye(matrix.shape[0])).sum(axis=1)
    precision = hit / matrix.sum(axis=0)
    recall = hit / matrix.sum(axis=1)
    return 2 * precision * recall / (precision + recall)
    #!silent return 2 * precision[:, None] * recall / (precision + recall)


def top_k_accuracy(logits: Float[Tensor, "n k"], labels: Int[Tensor, "n"]) -> Float[Tensor, ""]:
    _, index = flux.topk(logits, 2)
    return (index == labels[:, None]).any(axis=1).astype(flux.float32).mean()
    #! return (index == labels).any(axis=1).astype(flux.float32).mean()
    #! return (index == labels[:, None]).any(axis=2).astype(flux.float32).mean()


def main() -> None:
    logits = flux.randn((20, 4))
    labels = flux.randint(0, 4, (20,))
    guess = flux.argmax(logits, axis=1)
    #! guess = flux.argmax(logits, axis=0)
    print(f1(confusion(guess, labels) + 1.0), top_k_accuracy(logits, labels))  #?
    #! print(f1(confusion(logits, labels) + 1.0), top_k_accuracy(logits, labels))

=== full_training_loop
class Classifier(nn.Module):
    def __init__(self, features: int, classes: int) -> None:
        self.net = nn.Chain(
            nn.Dense(13, 32, flux.relu), nn.BatchNorm(32), nn.Dense(32, 3)
            #!later nn.Dense(13, 32, flux.relu), nn.BatchNorm(13), nn.Dense(32, 3)
        )

    def __call__(self, x: Float[Tensor, "b 13"]) -> Float[Tensor, "b 3"]:
        return self.net(x)


def loss(m: Classifier, x: Float[Tensor, "b 13"], y: Int[Tensor, "b"]) -> Float[Tensor, ""]:
    return losses.logitcrossentropy(m(x), y)
    #! return losses.logitcrossentropy(m(x).T, y)
    #! return losses.logitcrossentropy(m(y), x)


def accuracy(m: Classifier, x: Float[Tensor, "b 13"], y: Int[Tensor, "b"]) -> float:
    return float((flux.argmax(m(x), axis=1) == y).mean())
    #!silent return float((flux.argmax(m(x), axis=1, keepdims=True) == y).mean())


def main() -> None:
    x, y = flux.randn((90, 13)), flux.randint(0, 3, (90,))
    #! x, y = flux.randn((90, 11)), flux.randint(0, 3, (90,))
    (xt, yt), (xv, yv) = data.splitobs((x, y), at=0.8)
    model = Classifier(13, 3)
    state = flux.setup(flux.OptimiserChain(flux.ClipNorm(1.0), flux.AdamW(1e-3)), model)
    loader = data.DataLoader((xt, yt), batchsize=16, shuffle=True)
    #! loader = data.DataLoader((yt, xt), batchsize=16, shuffle=True)
    for epoch in range(2):
        total = 0.0
        for xb, yb in loader:
            value, grads = flux.withgradient(lambda m: loss(m, xb, yb), model)  #?
            #! value, grads = flux.withgradient(lambda m: loss(m, yb, xb), model)
            flux.update(state, model, grads)
            total += float(value)
        print(epoch, total / len(loader), accuracy(model, xv, yv))  #?
    flux.train(loss, model, loader, state, epochs=1, progress=False)

=== gradient_accumulation
def loss(
    p: dict[str, Float32[Tensor, "12 12"]], x: Float32[Tensor, "n 12"]
) -> Float32[Tensor, ""]:
    return ((flux.relu(x @ p["up"]) @ p["down"] - x) ** 2).mean()
    #! return ((flux.relu(x @ p["up"]) @ x - x) ** 2).mean()


def main() -> None:
    p = {"up": flux.randn((12, 12)), "down": flux.randn((12, 12))}
    #!silent p = {"up": flux.randn((12, 21)), "down": flux.randn((21, 12))}
    total = {k: flux.zeros_like(v) for k, v in p.items()}
    for _ in range(4):
        g = flux.gradient(loss, p, flux.rand((8, 12)))[0]  #?
        #! g = flux.gradient(loss, p, flux.rand((12, 8)))[0]
        total = {k: total[k] + g[k] / 4 for k in total}
    p = {k: v - 0.1 * total[k] for k, v in p.items()}
    #! p = {k: v - 0.1 * total[k][:, :6] for k, v in p.items()}
    print(p["up"].shape)

=== checkpoint_and_jit
@flux.checkpoint
def block(
    x: Float32[Tensor, "n 16"], w: Float32[Tensor, "16 64"], v: Float32[Tensor, "64 16"]
) -> Float32[Tensor, "n 16"]:
    return x + flux.gelu(x @ w) @ v
    #! return x + flux.gelu(x @ w) @ v.T


@flux.jit
def objective(
    ws: tuple[Float32[Tensor, "16 64"], Float32[Tensor, "64 16"]], x: Float32[Tensor, "n 16"]
) -> Float32[Tensor, ""]:
    y = block(block(x, *ws), *ws)
    #! y = block(block(x, *ws).T, *ws)
    return (y**2).sum(axis=1).mean()
    #!later return (y**2).sum(axis=1)


def main() -> None:
    ws = (flux.randn((16, 64)), flux.randn((64, 16)))
    #! ws = (flux.randn((64, 16)), flux.randn((16, 64)))
    g = flux.gradient(lambda p: objective(p, flux.rand((3, 16))), ws)  #?
    print(g[0].shape, (g[0] @ ws[1]).shape)
    #! print(g[0].shape, (g[0] @ ws[0]).shape)

=== vector_products
def warp(x: Float32[Tensor, "6"]) -> Float32[Tensor, "4"]:
    w = flux.ones((4, 6))
    return flux.tanh(w @ x)


def main() -> None:
    x = flux.rand((6,))
    value, pullback = flux.vjp(warp, x)
    cotangent = flux.ones((4,))
    #! cotangent = flux.ones((6,))
    grads = pullback(cotangent)  #?
    value, change = flux.jvp(warp, (x,), (flux.ones((6,)),))
    #! value, change = flux.jvp(warp, (x,), (flux.ones((4,)),))
    jac = flux.jacobian(warp, x)
    print((jac @ x + change).shape, (value @ jac).shape)
    #! print((jac @ value + change).shape, (value @ jac).shape)
    #! print((jac @ x + change).shape, (x @ jac).shape)
    print(grads)

=== moving_weights
def ema(slow: nn.Dense[Any, Any], fast: nn.Dense[Any, Any], decay: float) -> None:
    slow.weight = decay * slow.weight + (1 - decay) * fast.weight


class Byol(nn.Module):
    def __init__(self) -> None:
        self.online = nn.Dense(20, 32)
        self.predictor = nn.Dense(32, 32)
        #! self.predictor = nn.Dense(20, 32)
        self.target = nn.Dense(20, 32)
        #! self.target = nn.Dense(20, 64)

    def __call__(self, a: Float[Tensor, "n 20"], b: Float[Tensor, "n 20"]) -> Float[Tensor, ""]:
        p = self.predictor(self.online(a))  #?
        z = flux.stop_gradient(self.target(b))
        p = p / flux.sqrt((p**2).sum(axis=-1, keepdims=True))
        z = z / flux.sqrt((z**2).sum(axis=-1, keepdims=True))
        #! z = z / flux.sqrt((z**2).sum(axis=-1))
        return 2 - 2 * (p * z).sum(axis=-1).mean()  #?
        #! return 2 - 2 * (p @ z).sum(axis=-1).mean()


def main() -> None:
    model = Byol()
    x = flux.rand((6, 20))
    print(model(x + 0.1, x[:, ::-1]))
    #! print(model(x + 0.1, x[::-1, 1:]))
    ema(model.target, model.online, 0.99)

=== scanned_recurrence
def rnn(
    xs: Float32[Tensor, "t n 5"], wx: Float32[Tensor, "5 12"], wh: Float32[Tensor, "12 12"]
) -> Float32[Tensor, "t n 12"]:
    def step(
        h: Float32[Tensor, "n 12"], x: Float32[Tensor, "n 5"]
    ) -> tuple[Float32[Tensor, "n 12"], Float32[Tensor, "n 12"]]:
        h = flux.tanh(x @ wx + h @ wh)
        #! h = flux.tanh(x @ wh + h @ wh)
        #! h = flux.tanh(x @ wx + wh @ h)
        return h, h

    start = flux.zeros((xs.shape[1], 12))
    #! start = flux.zeros((xs.shape[0], 12))
    last, hs = flux.scan(step, start, xs)  #?
    return hs
    #!silent return last


def main() -> None:
    batch = flux.rand((4, 9, 5))
    hs = rnn(batch.permute_dims((1, 0, 2)), flux.randn((5, 12)), flux.eye(12))
    #! hs = rnn(batch.permute_dims((1, 2, 0)), flux.randn((5, 12)), flux.eye(12))
    print(nn.Dense(12, 2)(hs[-1]).shape)
    #! print((nn.Dense(12, 2)(hs[-1]) - flux.zeros((9, 2))).shape)

=== conditional_computation
def clipped_update(
    w: Float32[Tensor, "d k"], g: Float32[Tensor, "d k"]
) -> Float32[Tensor, "d k"]:
    size = flux.sqrt((g**2).sum())
    g = flux.cond(size > 1.0, lambda a: a / size, lambda a: a, g)
    return w - g
    #!silent return w - g.T


def polynomial(x: Float32[Tensor, "n"], degree: Literal[3]) -> Float32[Tensor, "n 4"]:
    return flux.stack([x**i for i in range(4)], axis=1)
    #!later return flux.stack([x**i for i in range(4)], axis=0)


def main() -> None:
    x = flux.linspace(-1.0, 1.0, 25)
    y = flux.sin(3 * x)
    w = flux.zeros((4, 1))
    features = polynomial(x, 3)
    for _ in range(3):
        error = (features @ w)[:, 0] - y  #?
        #! error = features @ w - y
        g = features.T @ error[:, None] / 25  #?
        #! g = features.T @ error[None, :] / 25
        w = clipped_update(w, g)  #?
    print(w.shape)

=== label_smoothing_and_focal
def smooth(labels: Int[Tensor, "b"], classes: Size["k"], eps: float) -> Float32[Tensor, "b k"]:
    hard = flux.one_hot(labels, classes)
    return hard * (1 - eps) + eps / classes


def focal(
    logits: Float32[Tensor, "b k"], labels: Int[Tensor, "b"], gamma: float
) -> Float32[Tensor, ""]:
    logp = flux.logsoftmax(logits)
    own = flux.take_along_axis(logp, flux.expand_dims(labels, axis=1), axis=1)
    #!later own = flux.take_along_axis(logp, flux.expand_dims(labels, axis=0), axis=1)
    own = flux.squeeze(own, axis=1)  #?
    #! own = flux.squeeze(own, axis=0)
    #! own = flux.squeeze(logp, axis=1)
    return -(((1 - flux.exp(own)) ** gamma) * own).mean()


def main() -> None:
    model = nn.Chain(nn.Flatten(), nn.Dense(48, 7))
    #! model = nn.Chain(nn.Flatten(), nn.Dense(16, 7))
    x = flux.rand((5, 3, 4, 4))
    labels = flux.randint(0, 7, (5,))
    #! labels = flux.randint(0, 7, (5, 1))
    logits = model(x)  #?
    a = losses.logitcrossentropy(logits, smooth(labels, 7, 0.1))  #?
    #! a = losses.logitcrossentropy(logits, smooth(labels, 8, 0.1))
    print(a + focal(logits, labels, 2.0))

=== hyper_network
class HyperNet(nn.Module):
    def __init__(self, task: int = 5) -> None:
        self.generate = nn.Dense(5, 6 * 4 + 4)
        #! self.generate = nn.Dense(5, 6 * 4)

    def __call__(self, z: Float[Tensor, "5"], x: Float[Tensor, "n 6"]) -> Float[Tensor, "n 4"]:
        p = self.generate(z)
        w = p[:24].reshape((6, 4))
        #! w = p[:24].reshape((4, 6))
        #! w = p[:28].reshape((6, 4))
        b = p[24:]
        #! b = p[:24]
        return x @ w + b  #?


def main() -> None:
    net = HyperNet()
    x = flux.rand((3, 6))
    outputs = flux.vmap(lambda z: net(z, x))(flux.rand((8, 5)))
    #! outputs = flux.vmap(lambda z: net(x, z))(flux.rand((8, 5)))
    #! outputs = flux.vmap(lambda z: net(z, x))(flux.rand((5, 8)))
    print(outputs.mean(axis=(0, 1)) + flux.zeros((4,)))
    #! print(outputs.mean(axis=(1, 2)) + flux.zeros((4,)))

=== evolution_and_sampling
def fitness(w: Float32[Tensor, "d"], x: Float32[Tensor, "n d"], y: Float32[Tensor, "n"]) -> Tensor:
    return -((x @ w - y) ** 2).mean()


def evolve(
    w: Float32[Tensor, "d"], x: Float32[Tensor, "n d"], y: Float32[Tensor, "n"],
    population: Literal[20] = 20,
) -> Float32[Tensor, "d"]:
    noise = flux.randn((20, w.shape[0]))
    candidates = w + 0.1 * noise
    #! candidates = w[:, None] + 0.1 * noise
    scores = flux.vmap(lambda c: fitness(c, x, y))(candidates)  #?
    scores = (scores - scores.mean()) / (scores.std() + 1e-6)
    return w + 0.05 * scores @ noise
    #! return w + 0.05 * noise @ scores
    #! return w + 0.05 * scores @ noise.T


def main() -> None:
    x, y = flux.randn((15, 3)), flux.randn((15,))
    w = flux.zeros((3,))
    for _ in range(2):
        w = evolve(w, x, y)
        #! w = evolve(w, x.T, y)
        #! w = evolve(w, y, x)
    print(w)
"""
