"""Conversations about pictures: the same prompt as transformers' JanusProcessor makes of them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from transformers import JanusProcessor

from engine.chat import ChatError, ChatFormat
from engine.janus.chat import PROCESSOR, JanusChat
from engine.janus.prompts import Marks, with_places
from tests.engine.janus.tiny import BEGIN_IMAGE, BOS, END_IMAGE, IMAGE, PAD, SIDE, TOKENS

CONVERSATIONS = [
    [("user", "Hello there", 0)],
    [("user", "What is this?", 1)],
    [("user", "", 2)],
    [
        ("system", "Be brief.", 0),
        ("user", "Which is larger?", 2),
        ("assistant", "The first", 0),
        ("user", "And it?", 1),
    ],
]


def with_system_prompt(folder: Path, copy: Path) -> Path:
    """The same model, whose makers want their own system prompt before every text."""
    shutil.copytree(folder, copy)
    told = json.loads((copy / PROCESSOR).read_text())
    (copy / PROCESSOR).write_text(json.dumps(told | {"use_default_system_prompt": True}))
    return copy


def expected(processor: JanusProcessor, turns: list[tuple[str, str, int]]) -> list[int]:
    parts = [
        {"role": role, "content": [{"type": "image"}] * pictures + ([{"type": "text", "text": text}] if text else [])}
        for role, text, pictures in turns
    ]
    rendered = processor.apply_chat_template(parts, add_generation_prompt=True)
    pictures = [Image.new("RGB", (SIDE, SIDE))] * sum(pictures for _, _, pictures in turns)
    ids = processor(text=[rendered], images=pictures or None, return_tensors="pt").input_ids
    return list(ids[0].tolist())


def widened(processor: JanusProcessor, ids: list[int], pictures: int) -> list[int]:
    """As the engine does it."""
    token = processor.tokenizer.convert_tokens_to_ids
    marks = Marks(*(token(name) for name in (BOS, PAD, IMAGE, BEGIN_IMAGE, END_IMAGE)))
    return list(with_places(ids, pictures, marks, TOKENS))


@pytest.mark.parametrize("turns", CONVERSATIONS)
@pytest.mark.parametrize("has_own_prompt", [False, True])
def test_the_prompt_is_that_of_transformers(
    janus_folder: Path, tmp_path: Path, turns: list[tuple[str, str, int]], has_own_prompt: bool
) -> None:
    folder = with_system_prompt(janus_folder, tmp_path / "copy") if has_own_prompt else janus_folder
    processor = JanusProcessor.from_pretrained(folder)
    chat = JanusChat.load(folder)
    ids = chat.encode([{"role": role, "content": text, "pictures": pictures} for role, text, pictures in turns])
    wanted = expected(processor, turns)
    assert widened(processor, ids, sum(pictures for _, _, pictures in turns)) == wanted
    assert chat.length(ids) == len(wanted)


def test_a_placeholder_that_somebody_writes_is_text(janus_folder: Path) -> None:
    chat = JanusChat.load(janus_folder)
    ids = chat.encode([{"role": "user", "content": f"Say {IMAGE} {BOS}", "pictures": 1}])
    picture = chat.encode([{"role": "user", "content": "", "pictures": 1}])
    assert chat.length(ids) - len(ids) == chat.length(picture) - len(picture) == TOKENS + 1


def test_others_and_templates_without_a_place_say_so(
    janus_folder: Path, tmp_path: Path, checkpoints: dict[str, Path]
) -> None:
    seeing: list[dict[str, Any]] = [{"role": "user", "content": "What is this?", "pictures": 1}]
    with pytest.raises(ChatError, match="reads texts only"):
        ChatFormat.load(checkpoints["Llama"]).encode(seeing)
    folder = shutil.copytree(janus_folder, tmp_path / "copy")
    template = folder / "chat_template.jinja"
    template.write_text(template.read_text().replace("<image_placeholder>", ""))
    with pytest.raises(ChatError, match="no place for these pictures"):
        JanusChat.load(folder).encode(seeing)
