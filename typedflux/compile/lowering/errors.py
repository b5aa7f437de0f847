"""What makes the interpreter run a graph, or a call of it."""


class UnsupportedError(Exception):
    """The graph holds something that only the interpreter can run."""


class FlaggedError(Exception):
    """A kernel met what it must not, such as an index outside: the interpreter says which."""
