"""`python -m apps.conversations.pdf CHARS`: reads a PDF from standard input, and writes JSON: its `text`, of up to
CHARS characters, or the `problem`, a sentence. The child of process.py.

Its limits are the kernel's: what a hostile file brings the library to ends with this process, which then says nothing.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import sys

from pypdf.errors import LimitReachedError

from apps.conversations.pdf.reading import UnreadableError, read

MEMORY = 768 * 1024**2  # bytes of address space
SECONDS = 10  # of processor time
LIMITS = {
    resource.RLIMIT_AS: MEMORY,
    resource.RLIMIT_CPU: SECONDS,
    resource.RLIMIT_NOFILE: 32,
    resource.RLIMIT_FSIZE: 0,  # it writes no file
    resource.RLIMIT_NPROC: 0,  # and starts no process
    resource.RLIMIT_CORE: 0,
}


def main(most: int) -> None:
    for kind, limit in LIMITS.items():
        resource.setrlimit(kind, (limit, limit))
    logging.disable()  # the library complains in a stranger's words
    try:
        said = {"text": read(sys.stdin.buffer.read(), most)}
    except UnreadableError as problem:
        said = {"problem": str(problem)}
    except (MemoryError, RecursionError, LimitReachedError):
        sys.exit(1)
    os.write(1, json.dumps(said).encode())


if __name__ == "__main__":
    main(int(sys.argv[1]))
