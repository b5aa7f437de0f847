"""`Record`: what is kept of a call, so that one like it takes no longer than it must."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import TYPE_CHECKING, Any

from typedflux.compile.calls.anchors import (
    Anchor,
    Array,
    are_sole,
    epoch,
    exchange,
    is_sole_array,
    owns_memory,
)
from typedflux.compile.calls.effects import Update, plan, positions
from typedflux.compile.calls.programs import Frame, frame
from typedflux.compile.calls.reader import Reader, function_code
from typedflux.compile.calls.reading import UnreadableError, renew
from typedflux.compile.calls.watching import Watch
from typedflux.compile.lowering.errors import FlaggedError
from typedflux.compile.signature import flatten
from typedflux.compile.template import fill
from typedflux.core.graph import run_graph
from typedflux.dtypes import DType
from typedflux.tensor import Tensor, wrap

if TYPE_CHECKING:
    from typedflux.compile.jit import Traced

MISS: Any = object()
"""What a record returns for arguments that it does not serve."""

_NONE: frozenset[int] = frozenset()
_MOST_SIZES = 64
"""How many combinations of symbolic sizes a record keeps frames for."""


class _Bound:
    """A frame, and what it was run on last."""

    __slots__ = ("epoch", "frame", "is_proved", "pending", "sizes", "version")

    def __init__(self, frame: Frame, sizes: dict[Any, int]) -> None:
        self.frame = frame
        self.sizes = sizes
        self.is_proved = False
        """Whether it has been seen to write in place all that it was to."""
        self.epoch = self.version = -1
        self.pending: tuple[int, ...] = ()
        """Positions of inputs that were given another array after the run."""


class Record:
    """Serves calls with the modules of one call, and tensors of the same types.

    It does not keep alive the modules that it was made with: `roots` are weak references to those
    whose end is the record's end.

    Raises:
        UnreadableError: for arguments or effects that only the general way deals with.
    """

    def __init__(self, traced: Traced, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if traced.program is None:
            raise UnreadableError("it holds values of a transformation that is under way")
        reader = Reader(traced.names)
        reader.arguments(args, kwargs, traced.draws)
        for owner, name in traced.captured_now():
            reader.captured(owner, name)
        for static in traced.static:
            reader.static(static)
        for watched in traced.watched:
            reader.watched(watched)
        self.roots = reader.roots
        self.hits = 0
        assert traced.program is not None
        self._traced, self._program = traced, traced.program
        self._reading = reading = reader.finish()
        _check_types(traced, self._reading.leaves)
        branches = flatten((args, kwargs)).branches
        self._effects = effects = plan(traced, reading, self._program, branches)
        self._dynamic = tuple(reading.dynamic)
        self._wanted = positions(effects.result)
        self._kept = [u for u in effects.updates if u.keeps_tensors]
        self._simple = len(self._kept) == len(effects.updates) and not effects.assignments
        self._slots = {j: i for u in self._kept for i, j in u.pairs}
        self._exchanged = [
            (i, j) for j, i in self._slots.items() if j not in effects.donated | effects.sources
        ]
        self._bounds: dict[tuple[int, ...], _Bound] = {}
        self._lock = threading.Lock()
        self._names: dict[str, Any] = {}
        self._sync()
        arrays = [
            f"given[{leaf.place}]" if leaf.anchor is None else f"L{i}.array"
            for i, leaf in enumerate(reading.leaves)
        ]
        text = f"def collect(given): return [{', '.join(arrays)}]"
        self._collect: Callable[..., list[Array]] = FunctionType(function_code(text), self._names)

    def _sync(self) -> None:
        """Follow what was found replaced in modules."""
        for i, leaf in enumerate(self._reading.leaves):
            if leaf.anchor is not None:
                self._names[f"L{i}"] = leaf.anchor
        self._watch = Watch(
            [self._anchor(i) for u in self._kept for i, _ in u.pairs],
            [anchor for u in self._kept for anchor in u.field.containers],
            [self._anchor(i) for i in self._effects.donated.values()],
        )
        self._blocked = {
            j for j, i in self._effects.donated.items() if not owns_memory(self._anchor(i).array)
        }
        """Outputs that cannot take over memory, because of how that lies."""
        self._exchanged_inputs = tuple([i for i, _ in self._exchanged])
        self._version = self._reading.version

    def _anchor(self, number: int) -> Anchor:
        anchor = self._reading.leaves[number].anchor
        assert anchor is not None
        return anchor

    def call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The result for these arguments, or `MISS`."""
        if not self._lock.acquire(False):
            return MISS  # another thread is in it, or an operation of this call
        try:
            found = self._reading.enter(args, kwargs)
            if found is None:
                return MISS
            given, sizes = found
            if self._reading.version != self._version:
                self._sync()
            bound = self._bounds.get(sizes)
            if bound is None:
                bound = self._bind(sizes)
                if bound is None:
                    return MISS
            return self._run(bound, given, args, kwargs)
        finally:
            self._lock.release()

    def _bind(self, sizes: tuple[int, ...]) -> _Bound | None:
        named = dict(zip(self._reading.sizes, sizes, strict=True))
        if not self._traced.allows(named):
            return None
        if len(self._bounds) >= _MOST_SIZES:
            self._bounds.clear()
        made = frame(self._program, named, self._effects.donated)
        bound = self._bounds[sizes] = _Bound(made, named)
        return bound

    def _run(
        self, bound: _Bound, given: Sequence[Array], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        # Who owns what is looked at before any list here refers to it too.
        is_ours = not self._blocked and self._watch.are_ours()
        owned, refused = (None, _NONE) if is_ours else self._survey()
        arrays = self._collect(given)
        changed: tuple[int, ...] | None = None
        if bound.epoch == epoch.count and bound.version == self._version:
            changed = (*self._dynamic, *bound.pending)
        try:
            outputs = bound.frame.run(arrays, refused, changed)
            is_steady = owned is None and self._simple and bound.is_proved
        except FlaggedError:  # the interpreter says what is wrong
            tensors = [wrap(a) for a in arrays]
            outputs = [t._data for t in run_graph(self._traced.graph, tensors, bound.sizes)]
            is_steady = False
        self.hits += 1
        made: dict[int, Tensor] = {}
        if is_steady:
            is_current = self._watch.epoch == epoch.count
            for i, j in self._exchanged:
                exchange(self._anchor(i), outputs[j])
            bound.pending = self._exchanged_inputs
            if is_current:  # those arrays are not watched
                self._watch.epoch = epoch.count
        else:
            made = self._tensors_given(args, kwargs)
            in_place = {j for j, i in self._effects.donated.items() if outputs[j] is arrays[i]}
            bound.pending = self._finish(outputs, owned, made, bound.sizes)
            if owned is None:
                self._prove(bound, in_place)
        bound.epoch, bound.version = epoch.count, self._version
        return self._result(outputs, made, args, kwargs, bound.sizes)

    def _survey(self) -> tuple[list[bool], set[int]]:
        """Which fields' tensors nobody else sees, and which outputs need fresh memory."""
        owned: list[bool] = []
        refused: set[int] = set()
        for update in self._kept:
            leaves = [self._anchor(i) for i, _ in update.pairs]
            is_owned = are_sole([*leaves, *update.field.containers])
            owned.append(is_owned)
            for anchor, (_, j) in zip(leaves, update.pairs, strict=True):
                if j in self._effects.donated and not (is_owned and is_sole_array(anchor)):
                    refused.add(j)
        return owned, refused

    def _prove(self, bound: _Bound, in_place: set[int]) -> None:
        """Donate no more what was not taken: another output was written there, which is the same
        value."""
        bound.is_proved = True
        for j in set(self._effects.donated) - in_place:
            bound.is_proved = False
            i = self._effects.donated.pop(j)
            self._exchanged.append((i, j))
        if not bound.is_proved:
            self._bounds.clear()
            self._sync()

    def _finish(
        self, outputs: list[Array], owned: list[bool] | None, made: dict[int, Tensor],
        sizes: dict[Any, int],
    ) -> tuple[int, ...]:  # fmt: skip
        """Write to fields, some of which get tensors of their own.

        Returns:
            The numbers of the inputs whose tensors have other arrays now.
        """
        effects = self._effects
        pending: list[int] = []
        stay = dict(zip(map(id, self._kept), owned or [True] * len(self._kept), strict=True))
        new: list[Update] = []
        for update in effects.updates:
            if not stay.get(id(update), False):
                new.append(update)
                continue
            for i, j in update.pairs:
                anchor = self._anchor(i)
                made[j] = anchor.value
                if j in effects.sources or outputs[j] is anchor.array:
                    continue
                exchange(anchor, outputs[j])
                self._note_memory(j, outputs[j])
                pending.append(i)
        branches = self._branches() if new or effects.assignments else []
        for update in new:
            value = self._fill(update.template, outputs, made, branches, sizes)
            update.field.owner[update.field.name] = value
            renew(self._reading, update.field, value)
        for assignment in effects.assignments:
            value = self._fill(assignment.template, outputs, made, branches, sizes)
            assignment.owner[assignment.name] = value
        if new:
            self._sync()
            pending += [i for update in new for i, _ in update.pairs]
        return tuple(pending)

    def _note_memory(self, output: int, array: Array) -> None:
        if output in self._effects.donated:
            if owns_memory(array):
                self._blocked.discard(output)
            else:
                self._blocked.add(output)

    def _tensors_given(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[int, Tensor]:
        """The outputs that are there already: inputs, and tensors of the outer world."""
        made = dict(self._effects.constants)
        given: list[Tensor] | None = None
        for j, i in self._effects.sources.items():
            anchor = self._reading.leaves[i].anchor
            if anchor is not None:
                made[j] = anchor.value
            else:
                given = flatten((args, kwargs)).leaves if given is None else given
                made[j] = given[i]
        return made

    def _branches(self) -> list[Any]:
        return [reference() for reference in self._reading.branches]

    def _fill(
        self, template: Any, outputs: list[Array], made: dict[int, Tensor], branches: list[Any],
        sizes: dict[Any, int],
    ) -> Any:  # fmt: skip
        tensors: dict[int, Tensor] = {}
        for position in positions(template):
            j = self._effects.same[position]
            if j not in made:
                made[j] = wrap(outputs[j])
            tensors[position] = made[j]
        return fill(template, tensors, branches, sizes)

    def _result(
        self, outputs: list[Array], made: dict[int, Tensor], args: tuple[Any, ...],
        kwargs: dict[str, Any], sizes: dict[Any, int],
    ) -> Any:  # fmt: skip
        effects = self._effects
        if not made:
            single = effects.single
            known = effects.sources or effects.constants
            if single is not None and single not in self._slots and not known:
                return wrap(outputs[single])
            made = self._tensors_given(args, kwargs)
            made.update({j: self._anchor(i).value for j, i in self._slots.items()})
        return self._fill(effects.result, outputs, made, self._branches(), sizes)


def _check_types(traced: Traced, leaves: Sequence[Any]) -> None:
    """Raise where fields are of other types after the call than before."""
    inputs = traced.graph.inputs
    if len(leaves) != len(inputs):
        raise UnreadableError("another number of tensors than before")
    for leaf, variable in zip(leaves, inputs, strict=True):
        type = variable.type
        if not isinstance(type.dtype, DType) or type.dtype.dtype != leaf.dtype:
            raise UnreadableError("tensors of other dtypes than before")
        if len(type.shape) != len(leaf.shape) or not all(
            [a == b for a, b in zip(type.shape, leaf.shape, strict=True) if isinstance(a, int)]
        ):
            raise UnreadableError("tensors of other shapes than before")
