"""The child process of a conversion."""

from __future__ import annotations

import sys
from pathlib import Path

from engine.convert.folder import write_folder
from engine.convert.process import ConversionError
from engine.convert.validate import require_loadable


def main(source: str, target: str) -> int:
    """Exit status 0, or 1 with one sentence on stderr."""
    try:
        write_folder(Path(source), Path(target))
        require_loadable(Path(target))
    except ConversionError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python -m engine.convert SOURCE.gguf TARGET_FOLDER")
    sys.exit(main(*sys.argv[1:]))
