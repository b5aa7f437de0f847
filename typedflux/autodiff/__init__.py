"""Derivatives of functions of tensors and of any trees of them."""

from typedflux.autodiff.api import gradient as gradient
from typedflux.autodiff.api import stop_gradient as stop_gradient
from typedflux.autodiff.api import vjp as vjp
from typedflux.autodiff.api import withgradient as withgradient
from typedflux.autodiff.batching import vmap as vmap
from typedflux.autodiff.checkpoint import checkpoint as checkpoint
from typedflux.autodiff.custom import custom_jvp as custom_jvp
from typedflux.autodiff.custom import custom_vjp as custom_vjp
from typedflux.autodiff.forward import jvp as jvp
from typedflux.autodiff.jacobians import hessian as hessian
from typedflux.autodiff.jacobians import hvp as hvp
from typedflux.autodiff.jacobians import jacobian as jacobian
