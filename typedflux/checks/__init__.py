"""Run-time checks: annotations verified where calls enter and leave."""

from typedflux.checks.sizes import Size as Size
