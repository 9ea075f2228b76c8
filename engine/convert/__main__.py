"""The child process of a conversion."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from engine.convert.folder import write_folder
from engine.convert.process import ConversionError
from engine.convert.validate import require_loadable

BASE, TIMES = 8 * 1024**3, 24
"""Bytes of memory, and so many times the file: of the smallest quantisations bfloat16 is ten times as large, and what
is converted is loaded too."""


def limit_memory(source: Path) -> None:
    """A list in a small file can ask for all of the machine's; files that are mapped don't count."""
    most = BASE + TIMES * source.stat().st_size
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def main(source: str, target: str) -> int:
    """Exit status 0, or 1 with one sentence on stderr."""
    try:
        limit_memory(Path(source))
        write_folder(Path(source), Path(target))
        require_loadable(Path(target))
    except (ConversionError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python -m engine.convert SOURCE.gguf TARGET_FOLDER")
    sys.exit(main(*sys.argv[1:]))
