"""Control flow on values: `cond`, `scan` and `while_loop`.

On plain tensors they are Python's own `if` and loops, so everything in them works as anywhere.
While a function is traced, values are not known: then the branches and bodies are closed to graphs,
and one operation performs them. Their derivatives and batching are written with control flow again.
"""

from typedflux.control.branching import cond as cond
from typedflux.control.looping import while_loop as while_loop
from typedflux.control.scanning import scan as scan
