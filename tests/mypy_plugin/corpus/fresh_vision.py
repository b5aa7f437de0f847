"""Images: whole small networks, their losses, and what is done to images around them."""

PROGRAMS = """
=== lenet_mnist
class LeNet(nn.Module):
    def __init__(self, classes: int = 10) -> None:
        self.conv1 = nn.Conv((5, 5), 1, 6, flux.relu, padding=2)
        #! self.conv1 = nn.Conv((5, 5), 1, 6, flux.relu)
        self.pool = nn.MaxPool((2, 2))
        self.conv2 = nn.Conv((5, 5), 6, 16, flux.relu)
        #! self.conv2 = nn.Conv((5, 5), 16, 6, flux.relu)
        self.fc1 = nn.Dense(16 * 5 * 5, 120, flux.relu)
        self.fc2 = nn.Dense(120, 84, flux.relu)
        self.fc3 = nn.Dense(84, 10)

    def __call__(self, x: Float[Tensor, "batch 1 28 28"]) -> Float[Tensor, "batch 10"]:
        x = self.pool(self.conv1(x))
        x = self.pool(self.conv2(x))  #?
        x = flux.flatten(x)
        #! x = x.reshape((x.shape[0], 120))
        x = self.fc2(self.fc1(x))  #?
        return self.fc3(x)
        #! return self.fc3(self.fc2(x))


def main() -> None:
    model = LeNet()
    scores = model(flux.rand((4, 1, 28, 28)))
    print(losses.logitcrossentropy(scores, flux.randint(0, 10, (4,))))
    #! print(losses.logitcrossentropy(scores, flux.randint(0, 10, (4, 1))))

=== residual_block
class BasicBlock(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        self.conv1 = nn.Conv((3, 3), in_channels, out_channels, stride=stride, padding=1)
        self.bn1 = nn.BatchNorm(out_channels)
        self.conv2 = nn.Conv((3, 3), out_channels, out_channels, padding=1)
        self.bn2 = nn.BatchNorm(out_channels)
        self.shortcut = nn.Conv((1, 1), in_channels, out_channels, stride=stride, bias=False)

    def __call__(self, x: Float[Tensor, "b c h w"]) -> Tensor:
        out = flux.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return flux.relu(out + self.shortcut(x))


class SmallResNet(nn.Module):
    def __init__(self) -> None:
        self.stem = nn.Conv((3, 3), 3, 16, padding=1)
        self.layer1 = BasicBlock(16, 16)
        self.layer2 = BasicBlock(16, 32, stride=2)
        self.layer3 = BasicBlock(32, 64, stride=2)
        self.pool = nn.GlobalMeanPool()
        self.head = nn.Dense(64, 10)

    def __call__(self, x: Float[Tensor, "b 3 32 32"]) -> Float[Tensor, "b 10"]:
        x = self.stem(x)
        x = self.layer3(self.layer2(self.layer1(x)))
        x = flux.flatten(self.pool(x))
        return self.head(x)


def main() -> None:
    model = SmallResNet()
    x = flux.rand((2, 3, 32, 32))
    #! x = flux.rand((2, 32, 32, 3))
    logits = model(x)  #?
    labels = flux.randint(0, 10, (2,))
    print((flux.argmax(logits, axis=1) == labels).mean())

=== residual_inline
class Residual(nn.Module):
    def __init__(self, channels: int = 32) -> None:
        self.conv1 = nn.Conv((3, 3), 32, 32, padding=1)
        #! self.conv1 = nn.Conv((3, 3), 32, 32)
        self.conv2 = nn.Conv((3, 3), 32, 32, padding=1)
        #! self.conv2 = nn.Conv((3, 3), 32, 64, padding=1)
        self.norm = nn.GroupNorm(32, 8)

    def __call__(self, x: Float[Tensor, "b 32 16 16"]) -> Float[Tensor, "b 32 16 16"]:
        y = flux.relu(self.norm(self.conv1(x)))
        y = self.conv2(y)
        return flux.relu(x + y)  #?


def main() -> None:
    block = Residual()
    print(block(flux.randn((2, 32, 16, 16))).shape)

=== vgg_features
def make_layers(config: Sequence[int]) -> nn.Chain:
    layers: list[nn.Module] = []
    channels = 3
    for width in config:
        if width == 0:
            layers.append(nn.MaxPool((2, 2)))
        else:
            layers.append(nn.Conv((3, 3), channels, width, flux.relu, padding=1))
            channels = width
    return nn.Chain(*layers)


class VGG(nn.Module):
    def __init__(self) -> None:
        self.features = make_layers([8, 0, 16, 0])
        self.classifier = nn.Chain(
            nn.Dense(16 * 8 * 8, 64, flux.relu),
            nn.Dropout(0.5),
            nn.Dense(64, 10),
            #! nn.Dense(46, 10),
        )

    def __call__(self, x: Float[Tensor, "n 3 32 32"]) -> Float[Tensor, "n 10"]:
        features = self.features(x)
        return self.classifier(features.reshape((x.shape[0], -1)))  #?


def main() -> None:
    model = VGG()
    print(model(flux.rand((2, 3, 32, 32))))
    #! print(model(flux.rand((2, 1, 32, 32))))

=== unet
class Double(nn.Module):
    def __init__(self, inp: int, out: int) -> None:
        self.a = nn.Conv((3, 3), inp, out, flux.relu, padding="same")
        self.b = nn.Conv((3, 3), out, out, flux.relu, padding="same")

    def __call__(self, x: Float[Tensor, "n c h w"]) -> Tensor:
        return self.b(self.a(x))


class UNet(nn.Module):
    def __init__(self) -> None:
        self.down1 = nn.Conv((3, 3), 1, 8, flux.relu, padding=1)
        self.down2 = nn.Conv((3, 3), 8, 16, flux.relu, padding=1)
        self.pool = nn.MaxPool((2, 2))
        self.bottom = nn.Conv((3, 3), 16, 32, flux.relu, padding=1)
        self.up2 = nn.ConvTranspose((2, 2), 32, 16, stride=2)
        #! self.up2 = nn.ConvTranspose((2, 2), 32, 16)
        self.dec2 = nn.Conv((3, 3), 32, 16, flux.relu, padding=1)
        #! self.dec2 = nn.Conv((3, 3), 16, 16, flux.relu, padding=1)
        self.up1 = nn.ConvTranspose((2, 2), 16, 8, stride=2)
        self.dec1 = nn.Conv((3, 3), 16, 8, flux.relu, padding=1)
        self.final = nn.Conv((1, 1), 8, 2)

    def __call__(self, x: Float[Tensor, "n 1 32 32"]) -> Float[Tensor, "n 2 32 32"]:
        a = self.down1(x)
        b = self.down2(self.pool(a))
        c = self.bottom(self.pool(b))
        y = self.dec2(flux.concat([self.up2(c), b], axis=1))  #?
        #! y = self.dec2(flux.concat([self.up2(c), b], axis=2))
        #! y = self.dec2(flux.concat([self.up2(c), a], axis=1))
        y = self.dec1(flux.concat([self.up1(y), a], axis=1))
        return self.final(y)
        #! return self.final(self.pool(y))


def main() -> None:
    print(UNet()(flux.rand((1, 1, 32, 32))).shape)
    print(Double(3, 5)(flux.rand((1, 3, 8, 8))).shape)

=== conv_autoencoder
class Encoder(nn.Module):
    def __init__(self, latent: int) -> None:
        self.conv = nn.Chain(
            nn.Conv((3, 3), 1, 16, flux.relu, stride=2, padding=1),
            nn.Conv((3, 3), 16, 32, flux.relu, stride=2, padding=1),
            #! nn.Conv((3, 3), 8, 32, flux.relu, stride=2, padding=1),
        )
        self.project = nn.Dense(32 * 7 * 7, 20)

    def __call__(self, x: Float[Tensor, "b 1 28 28"]) -> Float[Tensor, "b 20"]:
        features = self.conv(x)
        return self.project(flux.flatten(features))


class Decoder(nn.Module):
    def __init__(self) -> None:
        self.expand = nn.Dense(20, 32 * 7 * 7, flux.relu)
        self.up1 = nn.ConvTranspose((4, 4), 32, 16, flux.relu, stride=2, padding=1)
        self.up2 = nn.ConvTranspose((4, 4), 16, 1, flux.sigmoid, stride=2, padding=1)
        #! self.up2 = nn.ConvTranspose((3, 3), 16, 1, flux.sigmoid, stride=2, padding=1)

    def __call__(self, z: Float[Tensor, "b 20"]) -> Float[Tensor, "b 1 28 28"]:
        x = self.expand(z).reshape((z.shape[0], 32, 7, 7))
        #! x = self.expand(z).reshape((z.shape[0], 32, 8, 8))
        x = self.up1(x)
        return self.up2(x)  #?


def reconstruction(enc: Encoder, dec: Decoder, x: Float[Tensor, "b 1 28 28"]) -> Tensor:
    return losses.mse(dec(enc(x)), x)  #?


def main() -> None:
    enc, dec = Encoder(20), Decoder()
    print(reconstruction(enc, dec, flux.rand((2, 1, 28, 28))))

=== variational_autoencoder
class VAE(nn.Module):
    def __init__(self, inputs: int = 784, hidden: int = 400, latent: int = 20) -> None:
        self.fc1 = nn.Dense(784, 400, flux.relu)
        self.fc21 = nn.Dense(400, 20)
        self.fc22 = nn.Dense(400, 20)
        self.fc3 = nn.Dense(20, 400, flux.relu)
        #! self.fc3 = nn.Dense(40, 400, flux.relu)
        self.fc4 = nn.Dense(400, 784)

    def encode(
        self, x: Float[Tensor, "b 784"]
    ) -> tuple[Float[Tensor, "b 20"], Float[Tensor, "b 20"]]:
        h = self.fc1(x)
        return self.fc21(h), self.fc22(h)

    def sample(
        self, mu: Float[Tensor, "b z"], logvar: Float[Tensor, "b z"]
    ) -> Float[Tensor, "b z"]:
        std = flux.exp(0.5 * logvar)
        return mu + std * flux.randn(mu.shape)

    def __call__(
        self, x: Float[Tensor, "b 784"]
    ) -> tuple[Float[Tensor, "b 784"], Float[Tensor, "b 20"], Float[Tensor, "b 20"]]:
        mu, logvar = self.encode(x)
        z = self.sample(mu, logvar)
        #! z = self.sample(mu, logvar.mean(axis=1))
        return self.fc4(self.fc3(z)), mu, logvar  #?


def elbo(model: VAE, images: Float[Tensor, "b 28 28"]) -> Float[Tensor, ""]:
    x = images.reshape((-1, 784))
    #! x = images
    recon, mu, logvar = model(x)  #?
    bce = losses.logitbinarycrossentropy(recon, x, agg=flux.sum)
    kl = -0.5 * flux.sum(1 + logvar - mu**2 - flux.exp(logvar), axis=1)
    return bce / x.shape[0] + kl.mean()
    #!later return bce / x.shape[0] + kl


def main() -> None:
    model = VAE()
    value, grads = flux.withgradient(elbo, model, flux.rand((3, 28, 28)))
    print(value)

=== dcgan_pair
class Generator(nn.Module):
    def __init__(self, noise: int = 64) -> None:
        self.net = nn.Chain(
            nn.ConvTranspose((4, 4), 64, 32, flux.relu),
            nn.ConvTranspose((4, 4), 32, 16, flux.relu, stride=2, padding=1),
            nn.ConvTranspose((4, 4), 16, 3, flux.tanh, stride=2, padding=1),
        )

    def __call__(self, z: Float[Tensor, "b 64"]) -> Float[Tensor, "b 3 16 16"]:
        return self.net(z[:, :, None, None])
        #! return self.net(z)


class Discriminator(nn.Module):
    def __init__(self) -> None:
        self.c1 = nn.Conv((4, 4), 3, 16, flux.leakyrelu, stride=2, padding=1)
        self.c2 = nn.Conv((4, 4), 16, 32, flux.leakyrelu, stride=2, padding=1)
        self.c3 = nn.Conv((4, 4), 32, 1)
        #! self.c3 = nn.Conv((5, 5), 32, 1)

    def __call__(self, x: Float[Tensor, "b 3 16 16"]) -> Float[Tensor, "b"]:
        y = self.c3(self.c2(self.c1(x)))  #?
        return y[:, 0, 0, 0]
        #! return y[:, 0, 0]


def main() -> None:
    g, d = Generator(), Discriminator()
    z = flux.randn((4, 64))
    fake = g(z)
    real = flux.rand((4, 3, 16, 16))
    ones, zeros = flux.ones((4,)), flux.zeros((4,))
    loss = losses.logitbinarycrossentropy(d(real), ones)
    loss += losses.logitbinarycrossentropy(d(fake), zeros)
    #! loss += losses.logitbinarycrossentropy(d(z), zeros)
    print(loss)

=== vision_transformer
@dataclass(frozen=True)
class ViTConfig:
    image: int = 32
    patch: int = 8
    width: int = 64
    heads: int = 4


class PatchEmbed(nn.Module):
    def __init__(self) -> None:
        self.proj = nn.Conv((8, 8), 3, 64, stride=8)
        #! self.proj = nn.Conv((8, 8), 3, 64, stride=4)

    def __call__(self, x: Float[Tensor, "b 3 32 32"]) -> Float[Tensor, "b 16 64"]:
        y = self.proj(x)
        return flux.rearrange(y, "b c h w -> b (h w) c")  #?
        #! return flux.rearrange(y, "b c h w -> b c (h w)")


class ViT(nn.Module):
    cls: Float[Tensor, "1 1 64"]
    pos: Float[Tensor, "1 17 64"]

    def __init__(self, classes: int) -> None:
        self.embed = PatchEmbed()
        self.cls = flux.zeros((1, 1, 64))
        self.pos = flux.randn((1, 17, 64)) * 0.02
        #! self.pos = flux.randn((1, 16, 64)) * 0.02
        self.norm = nn.LayerNorm(64)
        self.attention = nn.MultiHeadAttention(64, 4)
        self.head = nn.Dense(64, 10)

    def __call__(self, x: Float[Tensor, "b 3 32 32"]) -> Float[Tensor, "b 10"]:
        b = x.shape[0]
        tokens = self.embed(x)  #?
        cls = flux.broadcast_to(self.cls, (b, 1, 64))
        tokens = flux.concat([cls, tokens], axis=1) + self.pos  #?
        #! tokens = flux.concat([cls, tokens], axis=2) + self.pos
        tokens = tokens + self.attention(self.norm(tokens))
        return self.head(tokens[:, 0])
        #! return self.head(tokens)


def main() -> None:
    print(ViT(10)(flux.rand((2, 3, 32, 32))).shape)

=== squeeze_excite
class SqueezeExcite(nn.Module):
    def __init__(self, channels: int, reduction: int = 4) -> None:
        self.fc1 = nn.Dense(channels, channels // reduction, flux.relu)
        self.fc2 = nn.Dense(channels // reduction, channels, flux.sigmoid)

    def __call__(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        s = flux.mean(x, axis=(2, 3))
        #! s = flux.mean(x, axis=(2, 4))
        s = self.fc2(self.fc1(s))
        return x * s[:, :, None, None]


class Net(nn.Module):
    def __init__(self) -> None:
        self.conv = nn.Conv((3, 3), 3, 24, flux.silu, padding=1)
        self.se = SqueezeExcite(24)
        self.gate = nn.Dense(24, 24, flux.sigmoid)
        self.out = nn.Dense(24, 5)

    def __call__(self, x: Float[Tensor, "b 3 12 12"]) -> Float[Tensor, "b 5"]:
        x = self.se(self.conv(x))
        g = self.gate(x.mean(axis=(2, 3)))
        #! g = self.gate(x.mean(axis=(2, 3), keepdims=True))
        x = x * g[:, :, None, None]
        #! x = x * g
        #! x = x * g[:, None, None, :]
        return self.out(x.max(axis=(-2, -1)))
        #! return self.out(x.max(axis=-1))


def main() -> None:
    print(Net()(flux.rand((3, 3, 12, 12))).shape)

=== depthwise_separable
def separable(x: Float32[Tensor, "n 16 14 14"]) -> Float32[Tensor, "n 32 14 14"]:
    depthwise = flux.zeros((16, 1, 3, 3))
    #! depthwise = flux.zeros((16, 16, 3, 3))
    pointwise = flux.zeros((32, 16, 1, 1))
    #! pointwise = flux.zeros((16, 32, 1, 1))
    y = flux.conv(x, depthwise, padding=1, groups=16)  #?
    return flux.conv(flux.relu(y), pointwise)  #?


def main() -> None:
    print(separable(flux.rand((2, 16, 14, 14))).shape)

=== normalise_images
MEAN = flux.asarray([0.485, 0.456, 0.406])
STD = flux.asarray([0.229, 0.224, 0.225])


def to_tensor(image: Float32[Tensor, "h w 3"]) -> Float32[Tensor, "3 h w"]:
    return flux.permute_dims(image, (2, 0, 1))
    #!silent return flux.permute_dims(image, (2, 1, 0))


def normalise(images: Float32[Tensor, "n 3 h w"]) -> Float32[Tensor, "n 3 h w"]:
    return (images - MEAN[:, None, None]) / STD[:, None, None]
    #! return (images - MEAN) / STD


def denormalise(images: Float32[Tensor, "n 3 h w"]) -> Float32[Tensor, "n h w 3"]:
    images = images.permute_dims((0, 2, 3, 1))
    #! images = images.permute_dims((0, 3, 1, 2))
    return images * STD + MEAN  #?


def main() -> None:
    image = flux.rand((24, 20, 3))
    batch = flux.stack([to_tensor(image), to_tensor(image)])
    print(denormalise(normalise(batch)).shape)

=== box_iou
def area(boxes: Float[Tensor, "*n 4"]) -> Float[Tensor, "*n"]:
    size = boxes[..., 2:] - boxes[..., :2]
    return size[..., 0] * size[..., 1]


def iou(a: Float[Tensor, "n 4"], b: Float[Tensor, "m 4"]) -> Float[Tensor, "n m"]:
    low = flux.maximum(a[:, None, :2], b[None, :, :2])
    #! low = flux.maximum(a[:, :2], b[:, :2])
    high = flux.minimum(a[:, None, 2:], b[None, :, 2:])
    #! high = flux.minimum(a[:, None, 2:], b[None, :, :3])
    overlap = flux.clip(high - low, 0.0, 1e9).prod(axis=-1)
    #!later overlap = flux.clip(high - low, 0.0, 1e9).prod(axis=0)
    union = area(a)[:, None] + area(b)[None] - overlap  #?
    #! union = area(a) + area(b) - overlap
    return overlap / union  #?


def main() -> None:
    print(iou(flux.rand((5, 4)), flux.rand((7, 4))).shape)

=== segmentation_loss
def pixel_loss(
    logits: Float[Tensor, "b classes h w"], target: Int[Tensor, "b h w"]
) -> Float[Tensor, ""]:
    b, classes, h, w = logits.shape
    flat = logits.permute_dims((0, 2, 3, 1)).reshape((b * h * w, classes))
    #! flat = logits.permute_dims((0, 2, 3, 1)).reshape((b * h, classes))
    return losses.logitcrossentropy(flat, target.reshape((-1,)))


def mean_iou(
    logits: Float[Tensor, "b classes h w"], target: Int[Tensor, "b h w"]
) -> Float[Tensor, "classes"]:
    classes = logits.shape[1]
    guess = flux.argmax(logits, axis=1)
    #!later guess = flux.argmax(logits, axis=-1)
    p = flux.one_hot(guess, classes)
    t = flux.one_hot(target, classes)
    both = (p * t).sum(axis=(0, 1, 2))  #?
    #!later both = (p * t).sum(axis=(0, 2, 3))
    either = p.sum(axis=(0, 1, 2)) + t.sum(axis=(0, 1, 2)) - both  #?
    return both / flux.maximum(either, 1.0)  #?


def main() -> None:
    logits = flux.randn((2, 4, 8, 8))
    target = flux.randint(0, 4, (2, 8, 8))
    print(pixel_loss(logits, target), mean_iou(logits, target))

=== audio_classifier
class AudioNet(nn.Module):
    def __init__(self) -> None:
        self.net = nn.Chain(
            nn.Conv((9,), 1, 16, flux.relu, stride=4, padding=4),
            nn.MaxPool((4,)),
            nn.Conv((3,), 16, 32, flux.relu, padding=1),
            nn.MaxPool((4,)),
            #! nn.MaxPool((2,)),
            nn.Flatten(),
            nn.Dense(32 * 25, 35),
        )

    def __call__(self, wave: Float[Tensor, "b 1600"]) -> Float[Tensor, "b 35"]:
        return self.net(wave[:, None, :])  #?
        #! return self.net(wave[:, :, None])


def main() -> None:
    print(AudioNet()(flux.randn((2, 1600))).shape)

=== random_crops
def center_crop(x: Float32[Tensor, "n c 32 32"]) -> Float32[Tensor, "n c 24 24"]:
    return x[:, :, 4:28, 4:28]
    #!silent return x[:, :, 4:-4, 4:-5]
    #!later return x[:, 4:28, 4:28]


def flip(x: Float32[Tensor, "n c h w"], chosen: Bool[Tensor, "n"]) -> Float32[Tensor, "n c h w"]:
    return flux.where(chosen[:, None, None, None], flux.flip(x, axis=-1), x)
    #! return flux.where(chosen, flux.flip(x, axis=-1), x)


def mixup(
    x: Float32[Tensor, "n c h w"], y: Float32[Tensor, "n k"], weight: Float32[Tensor, "n"]
) -> tuple[Float32[Tensor, "n c h w"], Float32[Tensor, "n k"]]:
    w = weight[:, None, None, None]
    mixed = w * x + (1 - w) * flux.flip(x, axis=0)
    v = weight[:, None]
    return mixed, v * y + (1 - v) * flux.flip(y, axis=0)
    #! return mixed, w * y + (1 - w) * flux.flip(y, axis=0)


def main() -> None:
    x = flux.rand((5, 3, 32, 32))
    y = flux.one_hot(flux.randint(0, 10, (5,)), 10)
    x = center_crop(x)
    x = flip(x, flux.rand((5,)) > 0.5)
    x, y = mixup(x, y, flux.rand((5,)))
    model = nn.Chain(nn.Conv((5, 5), 3, 4, stride=2), nn.Flatten(), nn.Dense(400, 10))
    #! model = nn.Chain(nn.Conv((5, 5), 3, 4, stride=2), nn.Flatten(), nn.Dense(784, 10))
    print(losses.logitcrossentropy(model(x), y))  #?

=== gram_style_loss
def gram(features: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c c"]:
    b, c, h, w = features.shape
    flat = features.reshape((b, c, h * w))
    #!later flat = features.reshape((b * c, h, w))
    return flat @ flat.mT / (c * h * w)  #?
    #! return flat @ flat / (c * h * w)
    #!later return flat.mT @ flat / (c * h * w)


def style_loss(
    net: nn.Chain, image: Float[Tensor, "1 3 32 32"], style: Float[Tensor, "1 8 8"]
) -> Float[Tensor, ""]:
    return losses.mse(gram(net(image)), style)


def main() -> None:
    net = nn.Chain(nn.Conv((3, 3), 3, 8, flux.relu))
    style = gram(net(flux.rand((1, 3, 48, 48))))
    image = flux.rand((1, 3, 32, 32))
    grads = flux.gradient(lambda x: style_loss(net, x, style), image)
    image = image - 0.1 * grads
    #! image = image - 0.1 * grads[:, :, 1:]
    print(style_loss(net, image, style))

=== super_resolution
class ESPCN(nn.Module):
    def __init__(self, factor: int) -> None:
        self.conv1 = nn.Conv((5, 5), 1, 64, flux.tanh, padding=2)
        self.conv2 = nn.Conv((3, 3), 64, 32, flux.tanh, padding=1)
        self.conv3 = nn.Conv((3, 3), 32, 9, padding=1)
        #! self.conv3 = nn.Conv((3, 3), 32, 4, padding=1)
        self.shuffle = nn.PixelShuffle(3)

    def __call__(self, x: Float[Tensor, "b 1 20 20"]) -> Float[Tensor, "b 1 60 60"]:
        return self.shuffle(self.conv3(self.conv2(self.conv1(x))))  #?


def psnr(a: Float[Tensor, "*s"], b: Float[Tensor, "*s"]) -> Float[Tensor, ""]:
    return -10 * flux.log10(((a - b) ** 2).mean())


def main() -> None:
    small, large = flux.rand((2, 1, 20, 20)), flux.rand((2, 1, 60, 60))
    out = ESPCN(3)(small)
    print(psnr(out, large))
    #! print(psnr(small, large))

=== detection_head
ANCHORS = 3
CLASSES = 5


class Head(nn.Module):
    def __init__(self) -> None:
        self.conv = nn.Conv((1, 1), 64, ANCHORS * (5 + CLASSES))
        #! self.conv = nn.Conv((1, 1), 64, ANCHORS * (4 + CLASSES))

    def __call__(self, x: Float[Tensor, "b 64 7 7"]) -> Float[Tensor, "b 3 7 7 10"]:
        y = self.conv(x).reshape((x.shape[0], ANCHORS, 5 + CLASSES, 7, 7))  #?
        return flux.permute_dims(y, (0, 1, 3, 4, 2))
        #! return flux.permute_dims(y, (0, 1, 2, 3, 4))


class Decoded(NamedTuple):
    boxes: Float[Tensor, "b n 4"]
    objectness: Float[Tensor, "b n"]
    classes: Float[Tensor, "b n c"]


def decode(raw: Float[Tensor, "b a h w 10"]) -> Decoded:
    b, a, h, w, f = raw.shape
    flat = raw.reshape((b, a * h * w, f))
    return Decoded(flat[..., :4], flux.sigmoid(flat[..., 4]), flux.softmax(flat[..., 5:]))
    #!silent return Decoded(flat[..., :5], flux.sigmoid(flat[..., 4]), flux.softmax(flat[..., 5:]))


def main() -> None:
    found = decode(Head()(flux.rand((2, 64, 7, 7))))
    scores = found.objectness[..., None] * found.classes
    #! scores = found.objectness * found.classes
    best, index = flux.topk(scores.max(axis=-1), 10)
    print(flux.take_along_axis(found.boxes, index[..., None], axis=1).shape)

=== image_patches
def patchify(images: Float[Tensor, "b c 32 32"], p: Literal[8] = 8) -> Float[Tensor, "b 16 _"]:
    b, c, h, w = images.shape
    x = images.reshape((b, c, 4, 8, 4, 8))
    #! x = images.reshape((b, c, 8, 8, 8, 8))
    x = x.permute_dims((0, 2, 4, 3, 5, 1))
    return x.reshape((b, 16, 8 * 8 * c))
    #! return x.reshape((b, 16, 8 * 8 * 4))


def mask_patches(
    tokens: Float[Tensor, "b n d"], keep: Int64[Tensor, "b k"]
) -> Float[Tensor, "b k d"]:
    return flux.take_along_axis(tokens, keep[:, :, None], axis=1)
    #! return flux.take_along_axis(tokens, keep, axis=1)


def main() -> None:
    tokens = patchify(flux.rand((2, 3, 32, 32)))
    noise = flux.rand((2, 16))
    keep = flux.argsort(noise, axis=1)[:, :4]
    visible = mask_patches(tokens, keep)
    encoder = nn.Dense(192, 32)
    print(encoder(visible).shape)
"""
