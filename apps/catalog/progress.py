"""A progress bar for copying, where somebody is looking."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tqdm import tqdm

from engine.store.copying import Progress


def progress_bar(stream: Any) -> Callable[[int], Progress]:
    """Makes, for a number of bytes, what is to be told about each chunk; silent where `stream` is no terminal."""

    def make(size: int) -> Progress:
        bar = tqdm(total=size, unit="B", unit_scale=True, desc="Storing", file=stream, disable=not stream.isatty())

        def advance(written: int) -> None:
            bar.update(written)
            if bar.n >= size:
                bar.close()

        return advance

    return make
