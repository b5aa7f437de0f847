"""Convolutional nets, in the words of others."""

PROGRAMS = '''
=== alexnet_head
class Small(nn.Module):
    """Two convolutions and a classifier, for 3 by 32 by 32."""

    def __init__(self) -> None:
        self.c1 = nn.Conv((5, 5), 3, 6)
        self.c2 = nn.Conv((5, 5), 6, 16)
        #! self.c2 = nn.Conv((5, 5), 6, 16, stride=2)
        self.p = nn.MaxPool((2, 2))
        #! self.p = nn.MaxPool((3, 3))
        self.f1 = nn.Dense(400, 120)
        #! self.f1 = nn.Dense(500, 120)
        self.f2 = nn.Dense(120, 84)
        self.f3 = nn.Dense(84, 10)
        #! self.f3 = nn.Dense(120, 10)

    def __call__(self, x: Float[Tensor, "batch 3 32 32"]) -> Float[Tensor, "batch 10"]:
        x = self.p(flux.relu(self.c1(x)))
        x = self.p(flux.relu(self.c2(x)))
        x = flux.flatten(x)
        x = flux.relu(self.f1(x))  #?
        x = flux.relu(self.f2(x))
        return self.f3(x)  #?


def main() -> None:
    Small()(flux.rand((2, 3, 32, 32)))

=== literal_arithmetic
def main() -> None:
    x = flux.rand((1, 3, 65, 65))
    a = flux.conv(x, flux.rand((8, 3, 3, 3)), stride=2)
    #! a = flux.conv(x, flux.rand((8, 1, 3, 3)), stride=2)
    b = flux.conv(a, flux.rand((8, 8, 3, 3)), padding=1)
    #! b = flux.conv(a, flux.rand((8, 8, 3, 3)))
    c = a + b  #?
    d = flux.max_pool(c, (4, 4))
    #! d = flux.max_pool(c, (4, 4), stride=2)
    e = flux.reshape(d, (1, 8 * 8 * 8))  #?
    print(e.shape)

=== dilated_stack
class Temporal(nn.Module):
    def __init__(self, channels: int = 12) -> None:
        self.first = nn.Conv((3,), 12, 12, flux.relu, dilation=1, padding=1)
        self.second = nn.Conv((3,), 12, 12, flux.relu, dilation=2, padding=2)
        #! self.second = nn.Conv((3,), 12, 12, flux.relu, dilation=2, padding=1)
        self.third = nn.Conv((3,), 12, 12, flux.relu, dilation=4, padding=4)
        self.head = nn.Conv((1,), 12, 3)

    def __call__(self, x: Float[Tensor, "b 12 100"]) -> Float[Tensor, "b 3 100"]:
        x = x + self.first(x)
        x = x + self.second(x)  #?
        x = x + self.third(x)
        return self.head(x)
        #! return self.head(x.mT)


def main() -> None:
    Temporal()(flux.rand((2, 12, 100)))

=== style_transfer
def content(x: Float[Tensor, "b 16 h w"], y: Float[Tensor, "b 16 h w"]) -> Float[Tensor, ""]:
    return ((x - y) ** 2).mean()


class Transfer(nn.Module):
    def __init__(self) -> None:
        self.down = nn.Conv((3, 3), 3, 16, flux.relu, stride=2, padding=1)
        self.norm = nn.InstanceNorm(16)
        #! self.norm = nn.InstanceNorm(3)
        self.up = nn.ConvTranspose((4, 4), 16, 3, flux.tanh, stride=2, padding=1)
        #! self.up = nn.ConvTranspose((4, 4), 16, 3, flux.tanh, stride=4)

    def __call__(self, x: Float[Tensor, "b 3 64 64"]) -> Float[Tensor, "b 3 64 64"]:
        h = self.norm(self.down(x))  #?
        y = self.up(h)
        return 0.5 * (x + y)  #?


def loss(t: Transfer, x: Float32[Tensor, "b 3 64 64"]) -> Tensor:
    y = t(x)
    return content(t.down(y), t.down(x))
    #! return content(t.down(y), x)


def main() -> None:
    loss(Transfer(), flux.rand((1, 3, 64, 64)))

=== squeeze_to_logits
def fully_convolutional(x: Float32[Tensor, "b 1 28 28"]) -> Float[Tensor, "b 10"]:
    conv1 = nn.Conv((4, 4), 1, 16, flux.relu, stride=4)
    conv2 = nn.Conv((7, 7), 16, 10)
    #! conv2 = nn.Conv((5, 5), 16, 10)
    y = conv2(conv1(x))
    return flux.squeeze(y, axis=(2, 3))  #?
    #! return flux.squeeze(y, axis=(1, 2))


def main() -> None:
    fully_convolutional(flux.rand((2, 1, 28, 28)))
'''
