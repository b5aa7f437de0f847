"""The machinery under operations: types, primitives, traces, graphs and trees."""
