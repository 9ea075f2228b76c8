"""Many pictures as one ZIP, piece by piece."""

from __future__ import annotations

import io
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.pictures import UniqueNames, file_name, zipped

THEN = datetime(2026, 11, 27, 8, 30, 10, tzinfo=UTC)


def unzipped(pieces: Iterator[bytes]) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_all_files_with_names_of_their_own() -> None:
    files = [
        ("apple-1.png", THEN, b"one"),
        ("Apple-1.png", THEN, b"two"),
        ("林檎-1.png", THEN, b""),
        ("apple-1.png", THEN, b"3"),
    ]
    assert unzipped(zipped(files)) == {
        "apple-1.png": b"one", "Apple-1-2.png": b"two", "林檎-1.png": b"", "apple-1-3.png": b"3",
    }  # fmt: skip


def test_none_at_all_and_times_before_zip() -> None:
    assert unzipped(zipped([])) == {}
    pieces = b"".join(zipped([("a.png", datetime(1970, 1, 1, tzinfo=UTC), b"x"), ("b.png", THEN, b"y")]))
    times = [entry.date_time for entry in zipfile.ZipFile(io.BytesIO(pieces)).infolist()]
    assert times == [(1980, 1, 1, 0, 0, 0), (2026, 11, 27, 8, 30, 10)]


def test_one_picture_at_a_time_is_in_memory() -> None:
    def files() -> Iterator[tuple[str, datetime, bytes]]:
        for number in range(100):
            yield f"{number}.png", THEN, bytes(1_000_000)

    tracemalloc.start()
    sent = sum(len(piece) for piece in zipped(files()))
    assert tracemalloc.get_traced_memory()[1] < 6_000_000
    tracemalloc.stop()
    assert sent > 100_000_000


def test_the_next_is_asked_for_when_those_before_are_sent() -> None:
    asked: list[int] = []

    def files() -> Iterator[tuple[str, datetime, bytes]]:
        for number in range(3):
            asked.append(number)
            yield f"{number}.png", THEN, b"x"

    pieces = zipped(files())
    next(pieces)
    assert asked == [0]


def test_another_program_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "all.zip"
    path.write_bytes(b"".join(zipped([("a.png", THEN, b"x" * 100), ("b.png", THEN, b"y")])))
    tested = subprocess.run([sys.executable, "-m", "zipfile", "-t", str(path)], capture_output=True, check=True)
    assert b"Done testing" in tested.stdout


@pytest.mark.parametrize(
    ("prompt", "name"),
    [("A red apple!", "a-red-apple-7.png"), ("../../etc/passwd", "etc-passwd-7.png"), ("", "picture-7.png"),
     ("🍎", "picture-7.png"), ("con", "con-7.png"), ("Ein großer Apfel", "ein-großer-apfel-7.png"),
     ("one two three four five six seven eight nine", "one-two-three-four-five-six-seven-eight-7.png"),
     ("__init__", "init-7.png"), ("x" * 500, "x" * 60 + "-7.png"), ("a\n\u202eb\0c", "a-b-c-7.png")],
)  # fmt: skip
def test_names_from_words(prompt: str, name: str) -> None:
    assert file_name(prompt, 7, ".png") == name


@settings(max_examples=50, deadline=None, derandomize=True)
@given(prompts=st.lists(st.text(max_size=30), max_size=8))
def test_names_are_safe_and_unique(prompts: list[str]) -> None:
    names = UniqueNames()
    taken = [names.take(file_name(prompt, 1, ".png")) for prompt in prompts]
    assert len({name.casefold() for name in taken}) == len(taken)
    for name in taken:
        assert name.endswith(".png")
        assert not set(name) & set('/\\:*?"<>|\0\n ')
        assert len(name.encode()) < 255
        assert not name.startswith((".", "-"))
