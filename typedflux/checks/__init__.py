"""Run-time checks: annotations verified where calls enter and leave.

`typed` decorates functions and classes, `typed_package` installs it for a whole package, and
`configure_checks` says how much is checked. Layers are checked by the same mechanism.
"""

from typedflux.checks.decorator import typed as typed
from typedflux.checks.ensure import ensure as ensure
from typedflux.checks.hook import typed_package as typed_package
from typedflux.checks.settings import configure_checks as configure_checks
from typedflux.checks.sizes import Size as Size
