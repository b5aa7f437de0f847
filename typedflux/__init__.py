"""typedflux: a machine learning framework in which shapes and dtypes are part of the types."""

from typedflux.tensor import Tensor as Tensor  # first: the floors below find each other through it
from typedflux.autodiff import gradient as gradient
from typedflux.autodiff import vjp as vjp
from typedflux.autodiff import withgradient as withgradient
from typedflux.dtypes import float32 as float32
from typedflux.ops import arange as arange
from typedflux.ops import asarray as asarray
from typedflux.ops import broadcast_arrays as broadcast_arrays
from typedflux.ops import broadcast_to as broadcast_to
from typedflux.ops import concat as concat
from typedflux.ops import count_nonzero as count_nonzero
from typedflux.ops import empty as empty
from typedflux.ops import empty_like as empty_like
from typedflux.ops import expand_dims as expand_dims
from typedflux.ops import eye as eye
from typedflux.ops import flatten as flatten
from typedflux.ops import flip as flip
from typedflux.ops import from_dlpack as from_dlpack
from typedflux.ops import full as full
from typedflux.ops import full_like as full_like
from typedflux.ops import gather as gather
from typedflux.ops import linspace as linspace
from typedflux.ops import matrix_transpose as matrix_transpose
from typedflux.ops import meshgrid as meshgrid
from typedflux.ops import moveaxis as moveaxis
from typedflux.ops import nonzero as nonzero
from typedflux.ops import one_hot as one_hot
from typedflux.ops import ones as ones
from typedflux.ops import ones_like as ones_like
from typedflux.ops import pad as pad
from typedflux.ops import permute_dims as permute_dims
from typedflux.ops import repeat as repeat
from typedflux.ops import reshape as reshape
from typedflux.ops import roll as roll
from typedflux.ops import scatter as scatter
from typedflux.ops import searchsorted as searchsorted
from typedflux.ops import split as split
from typedflux.ops import squeeze as squeeze
from typedflux.ops import stack as stack
from typedflux.ops import take as take
from typedflux.ops import take_along_axis as take_along_axis
from typedflux.ops import tile as tile
from typedflux.ops import tril as tril
from typedflux.ops import triu as triu
from typedflux.ops import unstack as unstack
from typedflux.ops import where as where
from typedflux.ops import zeros as zeros
from typedflux.ops import zeros_like as zeros_like
from typedflux.compile import explain as explain
from typedflux.compile import jit as jit
from typedflux.ops.namespace import __array_namespace_info__ as __array_namespace_info__

__array_api_version__ = "2024.12"
