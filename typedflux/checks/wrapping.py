"""One checked function: the object behind the wrapper, and the wrapper itself.

The wrapper begins as a stub. Its first call reads the annotations, when all names exist, writes
the code for this signature and becomes that code, so decorating costs next to nothing and later
calls go straight to what was made for them.
"""

from __future__ import annotations

import builtins
import functools
import inspect
import re
import types
from collections.abc import Mapping
from typing import Any, Final

from jaxtyping import _storage

from typedflux.checks import errors, stubs
from typedflux.checks.annotations import TensorExpectation
from typedflux.checks.class_dims import dims_in, dims_of, set_dim, variables_of
from typedflux.checks.facts import facts, owner_of, starred
from typedflux.checks.lines import PREFIX
from typedflux.checks.plan import (
    COROUTINE,
    FUNCTION,
    MISSING,
    Plan,
    axes_in,
    flavour_of,
    plan_of,
)
from typedflux.checks.report import Call, axis_of, message
from typedflux.checks.scopes import Memo, Scope, scope_of, stack
from typedflux.checks.source import Unsure, Writer
from typedflux.checks.verify import Problem, verify
from typedflux.core.stateful import DIMS
from typedflux.dtypes import DType, DTypeSet, promote
from typedflux.tensor import Tensor

MARK: Final = f"{PREFIX}checked"


class Checked:
    """What is known of one function that is checked.

    Args:
        function: the function itself.
        owner: the class that it is a method of, where that is known already.
        bound: whether its first argument is left unchecked, as `self` and `cls` are.
        instance: whether that argument is an instance of the class.
        module: whether it is a method of a layer, which keeps the precision of its weights.
        others: whether what is no tensor and no size is checked too.
        elements: how many elements of containers are looked at, all for `None`.
    """

    def __init__(
        self,
        function: Any,
        owner: type | None = None,
        *,
        bound: bool = True,
        module: bool = False,
        others: bool = True,
        elements: int | None = None,
        instance: bool = True,
    ) -> None:
        self.function = function
        self.owner = owner
        self.bound = bound
        self.module = module
        self.others = others
        self.elements = elements
        self.instance = instance
        self.names: dict[str, Any] = {}
        """Names of the scope that the function was defined in."""
        self.plan: Plan | None = None
        self.source = ""
        self.flavour = flavour_of(function)
        self.module_name = str(getattr(function, "__module__", None) or __name__)
        self.wrapper = self._wrapper()

    # Making the wrapper

    def _wrapper(self) -> Any:
        function, module = self.function, self.module_name
        namespace: dict[str, Any] = {
            "__builtins__": builtins,
            "__name__": module,
            MARK: self,
            f"{PREFIX}start": self.start,
        }
        name = getattr(function, "__name__", type(function).__name__)
        wrapper: Any = types.FunctionType(stubs.CODE[self.flavour], namespace, name)
        functools.update_wrapper(wrapper, function)
        wrapper.__wrapped__ = function
        defaults = getattr(function, "__defaults__", None)
        keywords = getattr(function, "__kwdefaults__", None)
        wrapper.__defaults__ = defaults if isinstance(defaults, tuple) else None
        wrapper.__kwdefaults__ = dict(keywords) if isinstance(keywords, dict) else None
        return wrapper

    def start(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The first call: read the annotations and become the code for them."""
        __tracebackhide__ = True
        self.install(args)
        return self.wrapper(*args, **kwargs)

    def install(self, args: tuple[Any, ...] = ()) -> None:
        """Let the wrapper be the code for this signature."""
        if self.owner is None and args:
            self.owner = owner_of(self.wrapper, args[0])
        plan = self.read_plan()
        if self.module and self.owner is not None and not any(plan.in_order()) and not plan.result:
            # Nothing to check: the class gets its method back.
            if vars(self.owner).get(self.function.__name__) is self.wrapper:
                setattr(self.owner, self.function.__name__, self.function)
        code, namespace, defaults, keywords = self.compile(plan)
        self.plan = plan
        wrapper = self.wrapper
        wrapper.__globals__.update(namespace)
        # The stub has no use for defaults, so any thread may come between these lines.
        wrapper.__defaults__ = defaults
        wrapper.__kwdefaults__ = keywords
        wrapper.__code__ = code

    def read_plan(self) -> Plan:
        """What the signature asks for."""
        plan = plan_of(
            self.function,
            self.owner,
            bound=self.bound,
            instance=self.instance,
            module=self.module,
            others=self.others,
            names=self.names,
        )
        return plan

    def compile(
        self, plan: Plan
    ) -> tuple[types.CodeType, dict[str, Any], tuple[Any, ...] | None, dict[str, Any] | None]:
        """The code for a signature, what it refers to, and the defaults."""
        module = self.module_name
        light = self.module and plan.flavour == FUNCTION and module.startswith("typedflux.")
        writer = Writer(plan, self.elements, module, light=light)
        parameters: list[str] | None
        writer.depth = 3
        try:
            writer.parameters()
            parameters = writer.lines
        except Unsure:
            parameters, writer.singles, writer.starred = None, {}, {}
        result: list[str] | None = None
        if plan.result is not None and plan.flavour in (FUNCTION, COROUTINE):
            writer.lines, writer.depth = [], 3
            try:
                writer.result(plan.result)
                result = writer.lines
            except Unsure:
                result = None
        name = self.wrapper.__name__
        lines = stubs.function(
            name if name.isidentifier() else f"{PREFIX}call",
            plan, parameters, writer.early, result, light,
        )  # fmt: skip
        self.source = "\n".join(lines) + "\n"
        code = _compiled(self.source, f"<checks of {module}.{self.wrapper.__qualname__}>")
        positional = tuple(
            e.default
            for e in plan.entries
            if e.kind
            in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
            and e.default is not MISSING
        )
        keywords = {
            e.name: e.default
            for e in plan.entries
            if e.kind is inspect.Parameter.KEYWORD_ONLY and e.default is not MISSING
        }
        return code, {**writer.constants, **self._helpers()}, positional or None, keywords or None

    def _helpers(self) -> dict[str, Any]:
        return {
            f"{PREFIX}fn": self.function,
            f"{PREFIX}check": self.check,
            f"{PREFIX}result": self.check_result,
            f"{PREFIX}yielded": self.check_yielded,
            f"{PREFIX}sent": self.check_sent,
            f"{PREFIX}general": self.general,
            f"{PREFIX}own_dtype": self.own_dtype,
            f"{PREFIX}facts": facts,
            f"{PREFIX}starred": starred,
            f"{PREFIX}stack": stack,
            f"{PREFIX}storage": _storage,
            f"{PREFIX}DIMS": DIMS,
            **stubs.HELPERS,
        }

    # The full check

    def check(self, arguments: dict[str, Any]) -> Memo:
        """Verify all arguments; the bindings that they give.

        Raises:
            ShapeError, DTypeError, TypeCheckError: for the first that does not fit.
        """
        __tracebackhide__ = True
        plan = self.plan
        assert plan is not None
        scope = self.scope(arguments)
        given = set(scope.bindings.single)
        problem = None
        for entry in plan.in_order():
            assert entry.expectation is not None
            for words, value in entry.values(arguments[entry.name]):
                try:
                    problem = verify(entry.expectation, value, scope, self.module_name)
                except errors.AnnotationError as error:
                    where = f"{self._where(arguments)}: {self.words('argument', words)}"
                    raise type(error)(f"{where}: {error}") from None
                if problem is None and entry.floats:
                    problem = self.precision(arguments, value)
                if problem is not None:
                    what = self.words("argument", words)
                    raise self.error(problem, what, entry.name, arguments, scope)
        self.remember(arguments, scope, given)
        return scope.memo()

    def check_result(self, out: Any, memo: Memo) -> Any:
        """Verify what the function returned; returns it."""
        __tracebackhide__ = True
        plan = self.plan
        assert plan is not None and plan.result is not None
        scope = scope_of(memo, self.elements)
        given = set(scope.bindings.single)
        try:
            problem = verify(plan.result, out, scope, self.module_name)
        except errors.AnnotationError as error:
            where = self._where(memo[3])
            raise type(error)(f"{where}: the result: {error}") from None
        if problem is not None:
            raise self.error(problem, "the result", "return", dict(memo[3]), scope, out)
        self.remember(dict(memo[3]), scope, given)
        return out

    def check_yielded(self, item: Any, memo: Memo) -> Memo:
        """Verify one item that a generator yields; the bindings after it."""
        plan = self.plan
        assert plan is not None
        return self._step(plan.yields, item, memo, "what it yields")

    def check_sent(self, item: Any, memo: Memo) -> Memo:
        """Verify what is sent to a generator; the bindings after it."""
        plan = self.plan
        assert plan is not None
        return memo if item is None else self._step(plan.sends, item, memo, "what is sent to it")

    def _step(self, expectation: Any, item: Any, memo: Memo, what: str) -> Memo:
        if expectation is None:
            return memo
        scope = scope_of(memo, self.elements)
        problem = verify(expectation, item, scope, self.module_name)
        if problem is not None:
            raise self.error(problem, what, "return", dict(memo[3]), scope, item)
        return scope.memo()

    def general(self, expectation: Any, value: Any, memo: Memo) -> Memo | None:
        """The full check of one value within compiled code; `None` where it fails."""
        scope = scope_of(memo, self.elements)
        if verify(expectation, value, scope, self.module_name) is not None:
            return None
        return scope.memo()

    def scope(self, arguments: dict[str, Any]) -> Scope:
        """The bindings that a call starts with: the instance's class-scoped dims."""
        plan = self.plan
        assert plan is not None
        scope = Scope(arguments=arguments, elements=self.elements)
        if plan.receiver is not None and plan.variables:
            dims_in(arguments[plan.receiver])  # from now on it keeps them
            scope.bindings.single.update(dims_of(arguments[plan.receiver], plan.owner))
        return scope

    def remember(self, arguments: dict[str, Any], scope: Scope, given: set[str]) -> None:
        """Keep class-scoped dims that were told for the first time. A symbolic size is kept only
        by an instance that is being made, as the size and the instance belong to one trace."""
        plan = self.plan
        assert plan is not None
        if plan.receiver is None or plan.owner is None:
            return
        making = self.function.__name__ == "__init__"
        for name in plan.variables:
            size = scope.bindings.single.get(name)
            if size is not None and name not in given and (making or type(size) is int):
                set_dim(arguments[plan.receiver], plan.owner, name, size)

    # The precision of layers

    def own_dtype(self, instance: Any) -> Any:
        """The numpy data type of the module's floats, `None` when it has none."""
        found = self._own(instance)
        return found[1].dtype if found is not None and isinstance(found[1], DType) else None

    def _own(self, instance: Any) -> tuple[str, Any] | None:
        assert self.plan is not None
        fields = instance.__dict__
        for name in self.plan.float_fields:
            value = fields.get(name)
            if isinstance(value, Tensor):
                return name, value.dtype
        return None

    def precision(self, arguments: dict[str, Any], value: Any) -> Problem | None:
        """Refuse a value that would silently raise the precision of what the module computes."""
        assert self.plan is not None and self.plan.receiver is not None
        own = self._own(arguments[self.plan.receiver])
        if own is None or value is None:
            return None
        field, dtype = own
        given = value.dtype
        if isinstance(dtype, DTypeSet) or isinstance(given, DTypeSet):
            return None
        if not (dtype.is_floating and given.is_floating and promote(dtype, given) is not dtype):
            return None
        text = f" is {given}, but {field} is {dtype}"
        return Problem(errors.DTypeError, text, remedy=f"convert it with .astype(flux.{dtype})")

    # Errors

    def error(
        self,
        problem: Problem,
        what: str,
        label: str,
        arguments: dict[str, Any],
        scope: Scope,
        result: Any = MISSING,
    ) -> Exception:
        """The error for a problem with one argument or the result."""
        plan = self.plan
        assert plan is not None
        instance = arguments.get(plan.receiver) if plan.receiver is not None else None
        call = Call(self.place(instance), plan.entries, arguments, plan.result_text, scope.bindings)
        call.origins = self.origins(arguments, label)
        call.receiver = plan.receiver
        if instance is not None and plan.owner is not None:
            call.of_class = self._of_class(instance, scope)
        return problem.error(message(problem, what, label, call, result))

    def _of_class(self, instance: Any, scope: Scope) -> str:
        plan = self.plan
        assert plan is not None and plan.owner is not None
        single = scope.bindings.single
        dims = ", ".join(f"{n}={single[n]}" for n in plan.variables if n in single)
        own = type(instance)
        cls = own if set(plan.variables) <= set(variables_of(own)) else plan.owner
        return f" of {cls.__name__} ({dims})" if dims else ""

    def _where(self, arguments: Mapping[str, Any]) -> str:
        receiver = None if self.plan is None else self.plan.receiver
        return self.place(None if receiver is None else arguments.get(receiver))

    def words(self, what: str, name: str) -> str:
        """How messages call an argument."""
        return f"{what} '{name}'"

    def place(self, instance: Any) -> str:
        """How messages call this function."""
        function = self.function
        name = getattr(function, "__name__", type(function).__name__)
        if instance is not None:
            cls = type(instance).__name__
            short = name == "__call__" or (name == "__init__")
            return cls if short else f"{cls}.{name}"
        qualified = getattr(function, "__qualname__", name)
        if "<lambda>" in qualified and hasattr(function, "__code__"):
            code = function.__code__
            line = f" ({code.co_filename.rpartition('/')[2]}:{code.co_firstlineno})"
            return f"lambda{line}"
        return re.sub(r"<locals>\.", "", str(qualified))

    def origins(self, arguments: dict[str, Any], until: str) -> dict[str, str]:
        """Where each name was bound, found by going through the arguments once more."""
        plan = self.plan
        assert plan is not None
        scope = self.scope(arguments)
        instance = arguments.get(plan.receiver) if plan.receiver is not None else None
        found = {n: f"this {type(instance).__name__}" for n in scope.bindings.single}
        for entry in plan.in_order():
            if entry.name == until:
                break
            assert entry.expectation is not None
            for words, value in entry.values(arguments.get(entry.name, MISSING)):
                try:
                    verify(entry.expectation, value, scope, self.module_name)
                except Exception:  # the error that is being made says more
                    return found
                axes = tuple(axes_in(entry.expectation))
                for name in scope.bindings.single.keys() - found.keys():
                    tensor = isinstance(entry.expectation, TensorExpectation)
                    found[name] = words + (axis_of(name, axes) if tensor else "")
                for name in scope.bindings.variadic:
                    found.setdefault(f"*{name}", words)
        if until == "return":
            return _Rest(found)
        return found


class _Rest(dict[str, str]):
    """Where names come from; those of no argument come from the body."""

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name, "the body or the result")


@functools.lru_cache(maxsize=1024)
def _compiled(source: str, filename: str) -> types.CodeType:
    """The code of the one function in `source`. Functions defined again and again share it."""
    program = compile(source, filename, "exec", dont_inherit=True)
    return next(c for c in program.co_consts if isinstance(c, types.CodeType))


def checked_of(function: Any) -> Checked | None:
    """The object behind a wrapper; `None` for any other function."""
    scope = getattr(function, "__globals__", None)
    found = scope.get(MARK) if isinstance(scope, dict) else None
    return found if isinstance(found, Checked) and found.wrapper is function else None
