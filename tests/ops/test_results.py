"""What keeps the engine's version honest sees changed code, and neither comments nor docstrings."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.results import ROOT, digest, main, written

SAMPLER = (
    '"""Draws."""\n\nHEAT = 1.0\n"""Of all."""\n\n\ndef draw(a: int) -> str:\n    """It."""\n    return f"# {a}"\n'
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "engine" / "text").mkdir(parents=True)
    (tmp_path / "engine" / "made_with.py").write_text('ENGINE = "1.0.0"\n')
    (tmp_path / "engine" / "text" / "sampler.py").write_text(SAMPLER)
    (tmp_path / "engine" / "text" / "pool.c").write_text("/* adds */ int a = 1; // one\n")
    assert main(tmp_path, ["--keep"]) == main(tmp_path, []) == 0
    return tmp_path


@pytest.mark.parametrize(
    ("name", "then", "now", "counts"),
    [("sampler.py", '"""Draws."""', '"""Draws tokens,\n\nas “told”."""  # so', False),
     ("sampler.py", '"""Of all."""', '"""Of every one."""', False),
     ("sampler.py", '    return f"# {a}"', '    # why\n\n    return f"# {a}"  # é', False),
     ("sampler.py", 'f"# {a}"', 'f"#{a}"', True),
     ("sampler.py", "HEAT = 1.0", "HEAT = 1.1", True),
     ("pool.c", "/* adds */", "/* adds\n numbers */", False), ("pool.c", "// one", "", False),
     ("pool.c", "a = 1", "a = 2", True)],
)  # fmt: skip
def test_code_counts_and_words_do_not(root: Path, name: str, then: str, now: str, counts: bool) -> None:
    file = root / "engine" / "text" / name
    before, text = digest(file), file.read_text()
    assert then in text
    file.write_text(text.replace(then, now))
    assert (digest(file) != before) is counts
    assert main(root, []) == counts


def test_it_names_what_changed_and_says_what_to_do(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "engine" / "text" / "masks.py").write_text("MASK = 1\n")
    (root / "engine" / "text" / "pool.c").unlink()
    assert main(root, []) == 1
    said = capsys.readouterr().out
    assert "looked at: engine/text/masks.py, engine/text/pool.c." in said
    assert "raise ENGINE in engine/made_with.py" in said
    assert "scripts/results.py --keep" in said
    (root / "engine" / "made_with.py").write_text('ENGINE = "1.1.0"\n')
    assert main(root, ["--keep"]) == main(root, []) == 0


def test_every_source_that_is_named_is_there() -> None:
    """One that was moved would no longer be looked at."""
    from scripts.results import DECIDING

    assert [pattern for pattern in DECIDING if not any((ROOT / "engine").glob(pattern))] == []
    assert "engine/text/sampler.py" in written(ROOT)
