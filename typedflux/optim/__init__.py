"""Optimisers: rules, their combinations, and the state that applies them to a model."""

from typedflux.optim.combinators import AccumGrad as AccumGrad
from typedflux.optim.combinators import ClipGrad as ClipGrad
from typedflux.optim.combinators import ClipNorm as ClipNorm
from typedflux.optim.combinators import OptimiserChain as OptimiserChain
from typedflux.optim.combinators import SignDecay as SignDecay
from typedflux.optim.combinators import WeightDecay as WeightDecay
from typedflux.optim.rule import Rule as Rule
from typedflux.optim.rules import Adam as Adam
from typedflux.optim.rules import AdamW as AdamW
from typedflux.optim.rules import Descent as Descent
from typedflux.optim.rules import Momentum as Momentum
from typedflux.optim.rules import Nesterov as Nesterov
from typedflux.optim.rules import RMSProp as RMSProp
from typedflux.optim.state import OptimiserState as OptimiserState
from typedflux.optim.state import ParameterState as ParameterState
from typedflux.optim.state import adjust as adjust
from typedflux.optim.state import freeze as freeze
from typedflux.optim.state import setup as setup
from typedflux.optim.state import thaw as thaw
from typedflux.optim.state import update as update
