"""typedflux: a machine learning framework in which shapes and dtypes are part of the types."""

from typedflux.tensor import Tensor as Tensor  # first: the floors below find each other through it
from typedflux.autodiff import gradient as gradient
from typedflux.autodiff import vjp as vjp
from typedflux.autodiff import withgradient as withgradient
from typedflux.dtypes import float32 as float32
from typedflux.ops import asarray as asarray
from typedflux.compile import explain as explain
from typedflux.compile import jit as jit
