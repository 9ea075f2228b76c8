"""A Jinja sandbox that also limits work: a template comes with the model, and is as untrusted as it.

Jinja's own sandbox keeps a template from Python's internals, but not from looping for ever or filling the memory.
Here every turn of a loop and every call of a macro ticks, and operators that make long strings are measured.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from jinja2 import nodes
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from engine.chat.growth import (
    MAX_OUTPUT,
    guarded,
    making_room,
    measure,
    measure_product,
    measured_arguments,
    measured_parts,
    refuse_growth,
    repeated,
)

MAX_SECONDS = 1.0  # of processor time: a busy machine is not the template's fault
_deadline: ContextVar[float] = ContextVar("deadline", default=0.0)


@contextmanager
def limited(characters: int) -> Iterator[None]:
    """Give the rendering inside MAX_SECONDS, and strings of MAX_OUTPUT plus `characters`."""
    deadline = _deadline.set(time.thread_time() + MAX_SECONDS)
    try:
        with making_room(MAX_OUTPUT + characters):
            yield
    finally:
        _deadline.reset(deadline)


class LimitedEnvironment(ImmutableSandboxedEnvironment):
    """The sandbox, with the limits. A template for it goes through `with_ticks` first."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self, **options: Any) -> None:
        super().__init__(finalize=measured_parts, **options)
        del self.globals["lipsum"]
        self.filters = {name: guarded(name, function, self.tick) for name, function in self.filters.items()}

    def tick(self) -> str:
        """Called on every turn of a loop; adds nothing to the output."""
        if time.thread_time() > _deadline.get():
            raise SecurityError("it takes too long")
        return ""

    def tilde(self, *parts: Any) -> str:
        """The operator ~."""
        return self.concat([str(part) for part in measured_parts(parts)])

    @staticmethod
    def made(value: Any) -> Any:
        """A list or dictionary that the template writes."""
        return measured_parts(value)

    @staticmethod
    def concat(parts: Iterable[str]) -> str:  # Jinja's own name for what joins the pieces that a macro makes
        """One text, measured before it is made."""
        texts = list(parts)
        measure(sum(map(len, texts)))
        return "".join(texts)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "*":
            measure(repeated(left, right))
            measure_product(left, right)
        elif operator == "+" and hasattr(left, "__len__") and hasattr(right, "__len__"):
            measure(len(left) + len(right))
        elif operator == "**" or (operator == "%" and isinstance(left, str)):
            raise SecurityError(f"the operator {operator} is not allowed")
        return super().call_binop(context, operator, left, right)

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        """Jinja puts a function of its own in the place of a text's `format`, which is measured too."""
        inner = super().wrap_str_format(value)
        if inner is None:
            return None

        def measured(*args: Any, **kwargs: Any) -> str:
            refuse_growth("format", (value.__self__, *args, *kwargs.values()))
            return inner(*args, **kwargs)

        return measured

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        self.tick()
        args, kwargs = measured_arguments(args, kwargs)
        if isinstance(subject := getattr(obj, "__self__", None), str):
            refuse_growth(obj.__name__, (subject, *args, *kwargs.values()))
        return measured_parts(super().call(context, obj, *args, **kwargs))


class _Ticks(NodeTransformer):
    """Puts the tick into every loop and macro, and our own operator in the place of ~."""

    def visit_For(self, node: nodes.For) -> nodes.For:  # noqa: N802 - jinja2 names it
        self._tick_in(node)
        return node

    def visit_Macro(self, node: nodes.Macro) -> nodes.Macro:  # noqa: N802 - jinja2 names it
        self._tick_in(node)
        return node

    def visit_CallBlock(self, node: nodes.CallBlock) -> nodes.CallBlock:  # noqa: N802 - jinja2 names it
        self._tick_in(node)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Expr:  # noqa: N802 - jinja2 names it
        self.generic_visit(node)
        return _call("tilde", node.nodes, node.lineno)

    def visit_List(self, node: nodes.List) -> nodes.Expr:  # noqa: N802 - jinja2 names it
        return self._made(node)

    def visit_Dict(self, node: nodes.Dict) -> nodes.Expr:  # noqa: N802 - jinja2 names it
        return self._made(node)

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Expr:  # noqa: N802 - jinja2 names it
        return self._made(node) if node.ctx == "load" else node

    def _made(self, node: nodes.List | nodes.Dict | nodes.Tuple) -> nodes.Expr:
        """Constants can't grow."""
        self.generic_visit(node)
        return _call("made", [node], node.lineno) if any(node.find_all((nodes.Name, nodes.Call))) else node

    def _tick_in(self, node: nodes.For | nodes.Macro | nodes.CallBlock) -> None:
        self.generic_visit(node)
        node.body.insert(0, nodes.Output([_call("tick", [], node.lineno)], lineno=node.lineno))


def _call(name: str, args: list[nodes.Expr], lineno: int) -> nodes.Call:
    function = nodes.EnvironmentAttribute(name, lineno=lineno)
    return nodes.Call(function, args, [], None, None, lineno=lineno)


def with_ticks(tree: nodes.Template) -> nodes.Template:
    """The syntax tree of a template, changed so that it can't outrun its limits."""
    _Ticks().visit(tree)
    return tree
