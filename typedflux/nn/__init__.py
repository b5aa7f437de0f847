"""Layers and the module base: one family of layers per file."""

from typedflux.nn.module import Module as Module
from typedflux.nn.module import buffer as buffer
from typedflux.nn.module import tied as tied
