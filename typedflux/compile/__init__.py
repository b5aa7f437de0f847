"""Tracing functions to typed graphs and running those."""

from typedflux.compile.finite import NonFiniteError as NonFiniteError
from typedflux.compile.jit import Jitted as Jitted
from typedflux.compile.jit import explain as explain
from typedflux.compile.jit import jit as jit
from typedflux.compile.outputsize import outputsize as outputsize
from typedflux.compile.profiling import Profile as Profile
from typedflux.compile.profiling import profile as profile
