"""Passes over graphs: each takes a graph and returns one that computes the same.

`optimise` runs them all. A pass that changes equations is a table of rules for `rewriting`, which
re-performs the graph; what several passes would do to an equation is done in one traversal.
"""

from typedflux.compile.passes.optimising import optimise as optimise
