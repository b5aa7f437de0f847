"""What all tests share: how many random examples hypothesis tries, and that they are repeatable."""

import os

from hypothesis import HealthCheck, settings

os.environ.setdefault("TYPEDFLUX_CACHE", "off")  # no compiled code from another run

_SLOW_MACHINES = [HealthCheck.too_slow]

# The default run gives the same verdict every time, on every machine.
settings.register_profile(
    "default",
    derandomize=True,
    max_examples=50,
    deadline=None,
    suppress_health_check=_SLOW_MACHINES,
)
# `make deep` looks for something new.
settings.register_profile(
    "deep",
    max_examples=1000,
    deadline=None,
    print_blob=True,
    suppress_health_check=_SLOW_MACHINES,
)
settings.load_profile("default")
