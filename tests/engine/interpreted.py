"""Triton's interpreter, without what it does again and again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from triton.language import core
from triton.runtime import interpreter


def spare() -> None:
    """To be called once in a process that interprets. Of our kernels' time three fifths are left.

    Before each call of a device function the interpreter looks through the whole language for what to replace, although
    the launch that the call is part of has done so. Only what a module sees besides (those of triton itself) has to be
    replaced at the first call, and stays so.

    Sums of integers are computed twice to see whether they overflow, although nobody asks for what is then asserted.
    The table of numpy's types is written anew for each value, as are each value's shape and type.
    """
    interpreter.InterpretedFunction.__call__ = _call(interpreter.InterpretedFunction.rewrite)
    interpreter._get_np_dtype = _numpy_type(interpreter._get_np_dtype)
    core.tensor.__init__ = _tensor(core.tensor.__init__)
    block_of = _block_of(core.block_type)
    core.block_type.with_element_ty = lambda block, element: block_of(element, block.shape)
    interpreter.InterpreterBuilder.get_block_ty = lambda _, element, shape: block_of(element, shape)
    builder = interpreter.interpreter_builder
    builder.options = replace(builder.options, sanitize_overflow=False)


def _call(rewrite: Any) -> Any:
    seen = set[str]()

    def call(function: Any, *args: Any, **more: Any) -> Any:
        if function.fn.__module__ not in seen:
            seen.add(function.fn.__module__)
            interpreter._patch_lang(function.fn)
        return rewrite(function)(*args, **more)

    return call


def _numpy_type(original: Any) -> Any:
    known = dict[str, Any]()

    def numpy_type(of: Any) -> Any:
        name = of.scalar.name
        if name not in known:
            known[name] = original(of)
        return known[name]

    return numpy_type


def _tensor(original: Any) -> Any:
    known = dict[tuple[int, ...], Any]()

    def init(self: Any, handle: Any, type: Any) -> None:
        shape = tuple(type.shape.values) if type.is_block() else ()
        if shape not in known:
            original(self, handle, type)
            known[shape] = self.numel, self.shape
        self.handle, self.type, self.dtype = handle, type, type.scalar
        self.numel, self.shape = known[shape]

    return init


def _block_of(original: Any) -> Any:
    known = dict[tuple[str, tuple[int, ...]], Any]()

    def block_of(element: Any, shape: Any) -> Any:
        which = element.name, tuple(shape)
        if which not in known:
            known[which] = original(element, shape)
        return known[which]

    return block_of
