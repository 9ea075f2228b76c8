"""A Janus in the model store and on its way into memory: what is kept, what is refused, how large it is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from engine.chat import ChatFormat
from engine.config import EngineConfig
from engine.janus.folder import is_janus, read_janus
from engine.janus.footprint import needs_of
from engine.loaded import LoadFailed
from engine.store import ModelStore, StoreError, check_folder
from engine.text.loader import load_model
from engine.types import SamplingParams
from tests.engine.janus.conftest import loaded
from tests.engine.janus.tiny import SIDE, TOKENS

Change = Callable[[Path], None]


def test_it_is_installed_with_its_facts(tmp_path: Path, janus_folder: Path) -> None:
    store = ModelStore(tmp_path / "store")
    folder = store.verified_path(store.install(janus_folder, {"source": "test"}).digest)
    facts = check_folder(folder)
    assert facts.architecture == "JanusForConditionalGeneration"
    assert (facts.context_length, facts.dtype, bool(facts.chat_template)) == (512, "float32", True)
    assert facts.image is not None
    assert (facts.image.family, facts.image.width, facts.image.height) == ("janus", SIDE, SIDE)
    assert (facts.image.steps, facts.image.guidance, facts.image.is_fixed) == (TOKENS, 5.0, True)
    assert (facts.image.takes_negative, facts.image.takes_source, facts.image.takes_mask) == (False, False, False)
    assert loaded(folder).facts == facts.image


def config(part: str = "", **changes: Any) -> Change:
    def change(folder: Path) -> None:
        told = json.loads((folder / "config.json").read_text())
        (told[part] if part else told).update(changes)
        (folder / "config.json").write_text(json.dumps(told))

    return change


def without(name: str) -> Change:
    return lambda folder: (folder / name).unlink()


def generation(**told: Any) -> Change:
    return lambda folder: (folder / "generation_config.json").write_text(json.dumps(told)) and None


REFUSED: dict[str, tuple[Change, str]] = {
    "code": (config(auto_map={"AutoModel": "x.Y"}), "program code"),
    "code below": (config("text_config", auto_map={"AutoModel": "x.Y"}), "never runs here"),
    "kernels": (config("vision_config", attn_implementation="me/kernel"), "kernel repository"),
    "quantised": (config(quantization_config={"quant_method": "bitsandbytes"}), "quantised"),
    "another language model": (config("text_config", model_type="mamba"), "mamba"),
    "no parts": (config(vq_config=None), "no vq_config"),
    "wrong tokens": (config("vision_config", num_image_tokens=9), "4 × 4 patches can't have 9 tokens"),
    "senseless size": (config("vision_config", image_size="large"), "image_size"),
    "no levels": (config("vq_config", channel_multiplier=[]), "channel_multiplier"),
    "too short": (config("text_config", max_position_embeddings=TOKENS), "no room"),
    "no processor": (without("processor_config.json"), "processor_config.json"),
    "no tokenizer": (without("tokenizer.json"), "tokenizer.json"),
    "no template": (without("chat_template.jinja"), "chat template"),
    "no weights": (without("model.safetensors"), "safetensors"),
    "no sound sampling": (generation(temperature=float("nan")), "temperature"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(tmp_path: Path, janus_folder: Path, case: str) -> None:
    change, words = REFUSED[case]
    folder = shutil.copytree(janus_folder, tmp_path / "copy")
    change(folder)
    with pytest.raises(StoreError, match=words):
        check_folder(folder)


def _without_a_tensor(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    del tensors["model.generation_head.vision_head.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def _unnamed_marks(folder: Path) -> None:
    told = json.loads((folder / "tokenizer_config.json").read_text())
    del told["bos_token"]
    (folder / "tokenizer_config.json").write_text(json.dumps(told))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_without_a_tensor, "incomplete"),
        (_unnamed_marks, "bos_token"),
        (config("text_config", hidden_size=64), "can't be read"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"{}"), "can't be read"),
    ],
)
def test_what_can_not_be_served_is_told(tmp_path: Path, janus_folder: Path, change: Change, words: str) -> None:
    folder = shutil.copytree(janus_folder, tmp_path / "copy")
    change(folder)
    with pytest.raises(LoadFailed, match=words):
        loaded(folder)


def test_sampling_is_as_its_makers_say(tmp_path: Path, janus_folder: Path) -> None:
    folder = shutil.copytree(janus_folder, tmp_path / "copy")
    assert read_janus(folder).sampling == SamplingParams()
    generation(temperature=0.5, top_k=50, top_p=0.9)(folder)
    assert read_janus(folder).sampling == SamplingParams(temperature=0.5, top_k=50, top_p=0.9)


def test_what_its_configuration_leaves_out_is_as_in_transformers(tmp_path: Path, janus_folder: Path) -> None:
    """As in the converted checkpoints of 384 × 384 pixels in 576 tokens."""
    folder = shutil.copytree(janus_folder, tmp_path / "copy")
    config(vision_config={}, vq_config={}, text_config={"max_position_embeddings": 16384})(folder)
    facts = read_janus(folder).facts
    assert (facts.width, facts.steps, facts.prompt_tokens) == (384, 576, 512)


def test_its_size_is_known_before_it_is_loaded(janus_folder: Path) -> None:
    settings = EngineConfig(dtype="float32", device="cpu", max_context=128, max_pictures=4)
    needs = needs_of(janus_folder, settings, 2**30)
    held = sum(tensor.nbytes for tensor in loaded(janus_folder).module.parameters())
    assert 0.95 < needs.weights / held < 1.05
    told = needs.footprint
    for room in (told.least_cache, (told.least_cache + told.full_cache) // 2, told.full_cache):
        for_texts, at_once = needs.shared(room)
        assert for_texts >= needs.least_text
        assert 1 <= at_once <= 4
        assert for_texts + at_once * needs.picture + needs.decoding <= room
    assert needs.shared(told.least_cache)[1] == 1


def test_its_template_gets_parts(janus_folder: Path, processor: Any, checkpoints: dict[str, Path]) -> None:
    """Of a plain text it would show nothing."""
    chat = ChatFormat.load(janus_folder)
    turns = [("user", "Hello there"), ("assistant", "Hi"), ("user", "And now?")]
    parts = [{"role": role, "content": [{"type": "text", "text": text}]} for role, text in turns]
    text = processor.apply_chat_template(parts, add_generation_prompt=True)
    ids = chat.encode([{"role": role, "content": text} for role, text in turns])
    assert ids == processor.tokenizer(text, add_special_tokens=False).input_ids
    assert "And now?" in processor.tokenizer.decode(ids)


def test_other_models_are_none(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    assert not is_janus(checkpoints["Llama"])
    assert not is_janus(tmp_path)


def test_a_text_engine_does_not_take_it_for_a_text_model(janus_folder: Path) -> None:
    with pytest.raises(LoadFailed, match="JanusForConditionalGeneration"):
        next(load_model(janus_folder, EngineConfig(device="cpu")))
