"""Traces and tracers: how a transformation sees the operations that a function performs.

Each transformation that is under way is a `Trace` with a level. A `Tracer` is a tensor that belongs
to one; an operation on tensors goes to the trace of the highest level among them, which treats
tensors of lower levels as constants, and performs its own work with operations on lower levels.
So transformations nest in any order and never confuse each other's values (the scheme of JAX's
"Autodidax: JAX core from scratch").
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

import numpy.typing as npt

from typedflux.shapes.dims import Dim, Unknown
from typedflux.tensor import Tensor

if TYPE_CHECKING:
    from typedflux.core.primitive import Primitive
    from typedflux.core.types import TensorType


class TraceError(TypeError):
    """A traced value was used where only a concrete one can be; the message says what to do."""


class _Stack(threading.local):
    def __init__(self) -> None:
        self.graphs: list[Trace] = []


_stack = _Stack()
_levels = itertools.count(1)
_counting = threading.Lock()
graphs_under_way = 0
"""How many graph traces run in any thread: zero lets eager operations skip a look-up."""


class Trace:
    """One transformation under way. `process` performs a primitive on its tracers."""

    __slots__ = ("active", "level", "takes_everything")

    name: ClassVar[str] = "a transformation"
    takes_outer: ClassVar[bool] = False
    """For a graph trace: whether it records operations on tracers of outer transformations too."""

    def __init__(self) -> None:
        self.level = 0
        self.active = False
        self.takes_everything = False
        """Whether operations on constants alone are traced too: then nothing is computed."""

    def process(self, primitive: Primitive, args: Sequence[Tensor], params: dict[str, Any]) -> Any:
        """Perform `primitive`; some of `args` are tracers of this trace, or `params` hold its
        symbolic sizes."""
        raise NotImplementedError

    def refuse_captured(self, primitive: Primitive, results: Any) -> None:
        """Raise the error for an operation that calls a function back, which brought in a value of
        this trace by another way than its operands."""
        for result in results if primitive.multiple else (results,):
            if isinstance(result, Tracer) and result._trace.level >= self.level:
                raise TraceError(
                    f"{primitive.name} uses a value that {self.name} follows and that is not among "
                    "its arguments: pass it as an argument"
                )

    def running(self) -> Running:
        """While the traced function runs; afterwards its tracers have no meaning."""
        return Running(self)


class Running:
    """The time in which a traced function runs. Made by `Trace.running` and `graph_running`."""

    __slots__ = ("trace",)

    def __init__(self, trace: Trace) -> None:
        self.trace = trace

    def __enter__(self) -> None:
        # What starts later is inside, in whichever thread it runs.
        self.trace.level = next(_levels)
        self.trace.active = True

    def __exit__(self, *raised: object) -> None:
        self.trace.active = False


class GraphRunning(Running):
    """The same for a trace that also takes operations on symbolic sizes alone."""

    __slots__ = ()

    def __enter__(self) -> None:
        global graphs_under_way
        super().__enter__()
        _stack.graphs.append(self.trace)
        with _counting:
            graphs_under_way += 1

    def __exit__(self, *raised: object) -> None:
        global graphs_under_way
        with _counting:
            graphs_under_way -= 1
        _stack.graphs.pop()
        super().__exit__()


def graph_running(trace: Trace) -> GraphRunning:
    """`trace.running()` for a trace that also takes operations on symbolic sizes alone."""
    return GraphRunning(trace)


def current_graph() -> Trace | None:
    """The innermost graph trace of this thread."""
    return _stack.graphs[-1] if _stack.graphs else None


def find_graph_for(params: dict[str, Any]) -> Trace | None:
    """The graph trace that an operation without traced operands belongs to: by its sizes, or
    because the trace takes everything."""
    if not _stack.graphs:
        return None
    trace = _stack.graphs[-1]
    if trace.takes_everything or any(_is_symbolic(value) for value in params.values()):
        return trace
    return None


def _is_symbolic(value: object) -> bool:
    if isinstance(value, tuple):
        return any(_is_symbolic(item) for item in value)
    return isinstance(value, (Dim, Unknown))


class Tracer(Tensor):
    """A tensor inside a transformation."""

    __slots__ = ("_trace",)

    _trace: Trace

    @property
    def type(self) -> TensorType:
        """Dtype and shape as the transformation knows them."""
        raise NotImplementedError

    @property
    def size(self) -> int:
        size = 1
        for d in self.shape:
            size = size * d
        return size

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def _concrete(self, purpose: str) -> npt.NDArray[Any]:
        self.refuse(purpose)

    def refuse(self, purpose: str) -> NoReturn:
        """Raise the error for a use that needs a value."""
        if not self._trace.active:
            self.refuse_leaked()
        raise TraceError(
            f"cannot {purpose}: this tensor, {self.type}, is being traced by "
            f"{self._trace.name}; {self.remedy}"
        )

    def refuse_leaked(self) -> NoReturn:
        """Raise the error for a use after the transformation has ended."""
        raise TraceError(
            f"a tensor, {self.type}, was kept after {self._trace.name}, which made it"
            f"{self._origin()}, had ended: return it from the function, or store "
            "stop_gradient(...) of it"
        )

    def _origin(self) -> str:
        """Where it was made, where that is known: in brackets."""
        return ""

    remedy: ClassVar[str] = "return it from the function and use the result"

    def __reduce__(self) -> NoReturn:
        self.refuse("pickle")


def find_top_trace(args: Sequence[Tensor]) -> Trace:
    """The trace of the highest level among the tracers in `args`, of which there is one, or the
    graph inside it that takes all there is.

    Raises:
        TraceError: for a tracer whose transformation has ended.
    """
    top: Trace | None = None
    for arg in args:
        if isinstance(arg, Tracer):
            trace = arg._trace
            if not trace.active:
                arg.refuse_leaked()
            if top is None or trace.level > top.level:
                top = trace
        elif not isinstance(arg, Tensor):
            raise TypeError(f"expected a tensor, got {type(arg).__name__}: {arg!r:.80}")
    assert top is not None
    if graphs_under_way:
        graph = current_graph()
        if graph is not None and graph.takes_outer and graph.level > top.level:
            return graph
    return top
