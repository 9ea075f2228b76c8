"""A folder of pictures is read as people leave it, and what is wrong with it is said in a sentence."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from engine.training.errors import TrainingError
from engine.training.pictures import read_pictures
from tests.engine.training.drawn import draw_pictures


def test_captions_come_from_beside_a_picture_or_from_its_name(tmp_path: Path) -> None:
    pictures = read_pictures(draw_pictures(tmp_path / "pictures"), 32)
    assert len(pictures) == 12
    captions = dict(zip(pictures.names, pictures.captions, strict=True))
    assert captions["red_circle"] == ["red circle", "a red ball"]
    assert captions["blue_square"] == ["blue square"]


def test_pictures_are_put_on_white_and_cut_square(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    wide = Image.new("RGBA", (60, 20), (0, 0, 0, 0))
    wide.paste((255, 0, 0, 255), (20, 0, 40, 20))
    wide.save(folder / "red.png")
    Image.new("L", (20, 20), 0).save(folder / "dark.jpg")
    Image.new("RGBA", (20, 20), (0, 0, 0, 0)).save(folder / "nothing.webp")
    pictures = read_pictures(folder, 16, fewest=1)
    middles = dict(zip(pictures.names, pictures.pixels[:, :, 8, 8].tolist(), strict=True))
    assert middles["red"] == [255, 0, 0]
    assert middles["nothing"] == [255, 255, 255]
    assert max(middles["dark"]) < 8


GIF = b"GIF89a\1\0\1\0\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;"


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        ("blue_square.png", b"not a picture", "blue_square.png can't be read as a picture"),
        ("blue_square.png", b"\x89PNG\r\n\x1a\n" + bytes(20), "blue_square.png can't be read as a picture"),
        ("blue_square.txt", b"\n \n", "blue_square.txt is empty"),
        ("blue_square.txt", b"\xff\xfe\x00", "blue_square.txt can't be read"),
        ("blue_square.txt", b"x" * 400, "more than 300 characters"),
        ("blue_square.txt", b"a\n" * 600_000, "more than 1 MB"),
        ("blue_square.png", GIF, "blue_square.png can't be read as a picture"),
    ],
)
def test_the_file_at_fault_is_named(tmp_path: Path, file: str, content: bytes, says: str) -> None:
    folder = draw_pictures(tmp_path / "pictures")
    (folder / file).write_bytes(content)
    with pytest.raises(TrainingError, match=says):
        read_pictures(folder, 32)


def test_a_pipe_called_like_a_picture_is_none(tmp_path: Path) -> None:
    """Opening it would wait for ever."""
    folder = draw_pictures(tmp_path / "pictures")
    os.mkfifo(folder / "pipe.png")
    assert "pipe" not in read_pictures(folder, 32).names


def test_a_name_without_words_is_no_caption(tmp_path: Path) -> None:
    folder = draw_pictures(tmp_path / "pictures")
    (folder / "red_square.png").rename(folder / "0001.png")
    with pytest.raises(TrainingError, match=r"has no caption: write one into 0001\.txt"):
        read_pictures(folder, 32)


def test_too_few_or_none(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    with pytest.raises(TrainingError, match="There is no folder"):
        read_pictures(folder, 32)
    folder.mkdir()
    with pytest.raises(TrainingError, match="There are no pictures"):
        read_pictures(folder, 32)
    Image.new("RGB", (8, 8)).save(folder / "one.png")
    with pytest.raises(TrainingError, match="only 1 pictures"):
        read_pictures(folder, 32)
