"""The training loop."""

from typedflux.training.loop import History as History
from typedflux.training.loop import NonFiniteLoss as NonFiniteLoss
from typedflux.training.loop import train as train
