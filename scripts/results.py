"""Keeps the engine's version honest: its receipts tell people whether another version made another result.

Beside the version, in `engine/made_with.lock`, stands a digest of every source that decides results, comments and
docstrings left out. `scripts/results.py` fails where one of them changed since, and says what to do: a person knows
whether the same request may give another result now. `scripts/results.py --keep` writes them down as they are.
"""

from __future__ import annotations

import ast
import hashlib
import io
import re
import sys
import tokenize
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VERSION, LOCK = "engine/made_with.py", "engine/made_with.lock"
DECIDING = (
    "adapters/pairs.py", "adapters/pictures/*.py", "answers/*.py",
    "chat/calls.py", "chat/format.py", "chat/markers.py", "chat/template.py", "chat/tokens.py", "grammar/following.py",
    "image/adapters/*.py", "image/compatible/drawing.py", "image/compatible/loader.py", "image/families/*.py",
    "image/beginning.py", "image/loader.py", "image/parts.py", "image/pixels.py", "image/predicting.py",
    "image/schedulers.py", "image/timeline.py",
    "janus/chat.py", "janus/drawing.py", "janus/loader.py", "janus/model.py", "janus/prompts.py", "janus/runner.py",
    "lora/hooks.py", "lora/numbers.py",
    "text/adapters/*.py", "text/attention/**/*.py", "text/compatible/*.py", "text/families/*.py", "text/fused/*.py",
    "text/graphs/layers.py", "text/graphs/operators.py", "text/graphs/tracing.py", "text/packed/*.py",
    "text/**/*.c", "text/**/*.h",
    "text/detokenizer.py", "text/draw.py", "text/drawing.py", "text/linears.py", "text/llama_layers.py",
    "text/loader.py", "text/masks.py", "text/onednn.py", "text/other_layers.py", "text/penalties.py",
    "text/prescribed.py", "text/runner.py", "text/sampler.py",
)  # fmt: skip
"""In `engine/`. Not here: who is served when, what fits into memory, how a result is told."""
ADVICE = """
If the same request may give another result now, raise ENGINE in engine/made_with.py. If not, leave it.
Either way, write them down as they are with make results (scripts/results.py --keep), and commit that.
""".strip()


def main(root: Path, arguments: list[str]) -> int:
    """The exit status."""
    now, lock = written(root), root / LOCK
    if arguments == ["--keep"]:
        lock.write_text(now)
        return 0
    then = lock.read_text() if lock.exists() else ""
    if now == then:
        return 0
    changed = sorted({line.split()[0] for line in {*now.splitlines()} ^ {*then.splitlines()}})
    print(f"Changed since the engine's version was last looked at: {', '.join(changed)}.\n{ADVICE}")
    return 1


def written(root: Path) -> str:
    """What the lock says if nothing changed: a line each, so that branches that changed different sources merge."""
    found = re.search(r'^ENGINE = "(.+)"$', (root / VERSION).read_text(), re.M)
    files = sorted({file for pattern in DECIDING for file in (root / "engine").glob(pattern)})
    lines = [f"{VERSION} {found[1] if found else ''}"]
    lines += [f"{file.relative_to(root).as_posix()} {digest(file)}" for file in files]
    return "\n".join(lines) + "\n"


def digest(file: Path) -> str:
    text = file.read_text()
    bare = _bare_python(text) if file.suffix == ".py" else re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.S)
    code = "\n".join(line.rstrip() for line in bare.splitlines() if line.strip())
    return hashlib.sha256(code.encode()).hexdigest()[:16]


def _bare_python(text: str) -> str:
    """Cut out of the text, not printed anew: another Python prints it otherwise."""
    characters = text.split("\n")
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            characters[row - 1] = characters[row - 1][:column]
    lines = [line.encode() for line in characters]  # ast counts bytes
    for node in ast.walk(ast.parse(text)):
        # A string that nobody takes, wherever it stands: a docstring, of a module's constants too.
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
            lines[first] = lines[first][: node.col_offset] + lines[last][node.end_col_offset :]
            lines[first + 1 : last + 1] = [b""] * (last - first)
    return b"\n".join(lines).decode()


if __name__ == "__main__":
    sys.exit(main(ROOT, sys.argv[1:]))
