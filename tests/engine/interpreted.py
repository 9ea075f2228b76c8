"""Triton's interpreter, without what it does again and again."""

from __future__ import annotations

from typing import Any

from triton.runtime import interpreter


def spare() -> None:
    """To be called once in a process that interprets.

    Before each call of a device function the interpreter looks through the whole language for what to replace, although
    the launch that the call is part of has done so, which takes a third of the time of our kernels. Only what a module
    sees besides (those of triton itself) has to be replaced at the first call, and stays so.
    """
    seen = set[str]()

    def call(function: Any, *args: Any, **more: Any) -> Any:
        if function.fn.__module__ not in seen:
            seen.add(function.fn.__module__)
            interpreter._patch_lang(function.fn)
        return function.rewrite()(*args, **more)

    interpreter.InterpretedFunction.__call__ = call
