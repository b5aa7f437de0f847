"""Calls of compiled functions: what is verified before, and what is written back after.

The first calls with a model take the general way, through `signature`. After that a *record* of the
call serves: straight-line code, written for the arguments' structure, that looks whether everything
is as it was and collects the arrays. `anchors` says who else may see a tensor, `reader` writes the
code, `effects` says where the results go, and `record` puts these together.
"""
