"""Elementary functions of `float` and `double`, scalars and vectors, for generated code.

All are branchless code of additions, multiplications and bits (a branch for huge angles apart), so
they give the same on every CPU with fused multiplications, propagate NaN, keep the sign of zero
and compute denormal numbers. Largest errors of float, measured over all its numbers or a dense
sample of them, are in `ERRORS`; those of double are some ulp.
"""

from __future__ import annotations

from typing import Final

from typedflux.compile.native.exponentials import cosh as cosh
from typedflux.compile.native.exponentials import exp as exp
from typedflux.compile.native.exponentials import exp2 as exp2
from typedflux.compile.native.exponentials import exp_normal as exp_normal
from typedflux.compile.native.exponentials import expm1 as expm1
from typedflux.compile.native.exponentials import sigmoid as sigmoid
from typedflux.compile.native.exponentials import sinh as sinh
from typedflux.compile.native.exponentials import tanh as tanh
from typedflux.compile.native.logarithms import acosh as acosh
from typedflux.compile.native.logarithms import asinh as asinh
from typedflux.compile.native.logarithms import atanh as atanh
from typedflux.compile.native.logarithms import log as log
from typedflux.compile.native.logarithms import log1p as log1p
from typedflux.compile.native.logarithms import log1p_exp as log1p_exp
from typedflux.compile.native.logarithms import log2 as log2
from typedflux.compile.native.logarithms import log10 as log10
from typedflux.compile.native.logarithms import logaddexp as logaddexp
from typedflux.compile.native.logarithms import softplus as softplus
from typedflux.compile.native.powers import hypot as hypot
from typedflux.compile.native.powers import power as power
from typedflux.compile.native.special import erf as erf
from typedflux.compile.native.special import erfinv as erfinv
from typedflux.compile.native.trigonometry import acos as acos
from typedflux.compile.native.trigonometry import asin as asin
from typedflux.compile.native.trigonometry import atan as atan
from typedflux.compile.native.trigonometry import atan2 as atan2
from typedflux.compile.native.trigonometry import cos as cos
from typedflux.compile.native.trigonometry import sin as sin
from typedflux.compile.native.trigonometry import tan as tan

ERRORS: Final = {
    "exp": 1.1, "exp2": 1.1, "expm1": 1.5, "tanh": 1.6, "sinh": 2.5, "cosh": 1.5, "sigmoid": 2.5,
    "log": 1.0, "log2": 1.0, "log10": 1.0, "log1p": 1.5, "softplus": 2.0, "asinh": 3.0,
    "acosh": 3.0, "atanh": 3.0, "sin": 1.6, "cos": 1.6, "tan": 4.0, "asin": 2.5, "acos": 1.5,
    "atan": 2.0, "erf": 1.2, "erfinv": 3.0,
}  # fmt: skip
"""Bounds of the error of float, in units in the last place of the result."""
