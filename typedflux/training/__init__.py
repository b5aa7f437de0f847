"""The training loop, what it records, and callbacks for it."""

from typedflux.training.callbacks import Checkpoint as Checkpoint
from typedflux.training.callbacks import EarlyStopping as EarlyStopping
from typedflux.training.history import Callback as Callback
from typedflux.training.history import History as History
from typedflux.training.loop import NonFiniteLoss as NonFiniteLoss
from typedflux.training.loop import train as train
