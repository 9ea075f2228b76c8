"""C files of our own, compiled for this machine at first use and called through ctypes.

The compiler is the one that the set-up asks for. A library is kept in a cache folder under the name of its source,
headers, flags and machine, so that only the first start of a worker compiles it (about 3 s).
"""

from __future__ import annotations

import ctypes
import hashlib
import logging
import os
import platform
import shutil
import subprocess
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

logger = logging.getLogger(__name__)

FLAGS = (
    "-O2", "-march=native", "-fno-math-errno", "-fno-trapping-math", "-Wno-psabi", "-fopenmp-simd", "-pthread", "-fPIC",
    "-shared",
)  # fmt: skip
POOL = Path(__file__).with_name("pool.c")
HEADERS = sorted(Path(__file__).parent.rglob("*.h"))
"""Any source may include any of them."""
BUILD_SECONDS = 120


class Unavailable(Exception):
    """The library can't be built here; says why."""


def compiled(source: Path, *defines: str) -> ctypes.CDLL:
    """The library made of one file; loops that it shares (pool.h) are shared. Raises Unavailable."""
    library = _loaded(source, *defines)
    with suppress(ValueError):  # it has none
        ctypes.c_void_p.in_dll(library, "share").value = ctypes.cast(_pool().share_pieces, ctypes.c_void_p).value
    return library


@cache
def _pool() -> ctypes.CDLL:
    """One for the process: threads of two would want the same cores."""
    return _loaded(POOL)


def _loaded(source: Path, *defines: str) -> ctypes.CDLL:
    flags = [*FLAGS, *defines]
    compiler = next((found for name in _compilers() if (found := shutil.which(name))), None)
    if compiler is None:
        raise Unavailable("there is no C compiler.")
    texts = [file.read_bytes() for file in (source, *HEADERS)]
    key = hashlib.sha256(b"\0".join([*texts, *(part.encode() for part in (compiler, *flags, machine()))]))
    try:
        target = cache_folder("kernels") / f"{source.stem}-{key.hexdigest()[:24]}.so"
        if not target.exists():
            _build(compiler, source, flags, target)
        return ctypes.CDLL(str(target))
    except OSError as error:
        raise Unavailable(str(error)) from error


def _compilers() -> list[str]:
    return [name for name in (os.environ.get("CC", ""), "cc", "gcc", "clang") if name]


def _build(compiler: str, source: Path, flags: list[str], target: Path) -> None:
    """Atomic: another worker may build the same."""
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        made = Path(folder) / target.name
        command = [compiler, str(source), "-o", str(made), *flags, "-lm"]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=BUILD_SECONDS)  # noqa: S603
        except (OSError, subprocess.SubprocessError) as error:
            raise Unavailable(f"{error} {getattr(error, 'stderr', '') or ''}".strip()[:2000]) from error
        made.replace(target)


def cache_folder(kind: str) -> Path:
    """The user's own, or where that can't be written, one of this process only: nobody else may put code there."""
    try:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "atrium" / kind
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    except (OSError, RuntimeError) as error:  # RuntimeError: this user has no home
        logger.info("What is compiled isn't kept: %s", error)
    return Path(tempfile.mkdtemp(prefix=f"atrium-{kind}-"))


def machine() -> str:
    """What -march=native depends on."""
    try:
        return next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags"))
    except (OSError, StopIteration):
        return platform.processor()
