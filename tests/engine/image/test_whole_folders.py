"""Folders of the compatible lane: what is kept and refused of them, and what their files say."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from sentencepiece import SentencePieceProcessor, SentencePieceTrainer

from engine.config import EngineConfig
from engine.image.compatible.loader import load_whole
from engine.image.footprint import footprint_of
from engine.loaded import at_once
from engine.memory import MIB
from engine.pipelines import is_whole
from engine.store import StoreError, check_folder
from tests.engine.image.test_store import change
from tests.engine.image.tiny_whole import MADE_FOR, SIDES


def template(source: str) -> Callable[[Path], object]:
    """Changes the chat template."""
    return lambda folder: (folder / "tokenizer/chat_template.jinja").write_text(source)


@pytest.mark.parametrize("family", SIDES)
def test_its_facts_say_what_suits_it_and_what_it_cannot_do(whole_pipelines: dict[str, Path], family: str) -> None:
    found = check_folder(whole_pipelines[family])
    facts = found.image
    assert facts is not None
    side = MADE_FOR.get(family, SIDES[family])
    assert (facts.family, facts.width, facts.height) == (family, side, side)
    assert facts.takes_source == (family in ("qwen-image", "z-image", "chroma", "sana-sprint"))
    assert facts.takes_mask == (family in ("qwen-image", "z-image"))
    assert facts.takes_negative == (family not in ("flux-2-klein", "sana-sprint"))
    assert facts.schedulers == ("default",)
    assert found.context_length == facts.prompt_tokens >= 120
    assert "tokenizer/tokenizer.json" in found.files


def test_sides_have_a_limit_where_the_network_has_one(whole_pipelines: dict[str, Path]) -> None:
    facts = {family: check_folder(folder).image for family, folder in whole_pipelines.items()}
    longest = {family: one.longest for family, one in facts.items() if one is not None and one.longest}
    assert longest == {"auraflow": 48, "lumina-2": 512, "z-image": 320, "lumina": 6144} | dict.fromkeys(
        ("cogview-3-plus", "cogview-4"), 128
    )


@pytest.mark.parametrize(
    ("family", "change_it", "suits"),
    [
        ("z-image", change("scheduler/scheduler_config.json", shift=3.0), (8, 1.0)),
        ("z-image", change("scheduler/scheduler_config.json", shift=6.0), (50, 5.0)),
        ("flux-2-klein", change("model_index.json", is_distilled=True), (4, 1.0)),
        ("flux-2-klein", change("model_index.json", is_distilled="no"), (50, 4.0)),
    ],
)
def test_those_taught_to_draw_in_a_few_steps_begin_with_few(
    tmp_path: Path, whole_pipelines: dict[str, Path], family: str, change_it: Callable[[Path], object],
    suits: tuple[int, float],
) -> None:  # fmt: skip
    folder = Path(shutil.copytree(whole_pipelines[family], tmp_path / "model"))
    change_it(folder)
    facts = check_folder(folder).image
    assert facts is not None
    assert (facts.steps, facts.guidance) == suits


def test_only_one_picture_counts_for_its_memory(whole_pipelines: dict[str, Path]) -> None:
    config = EngineConfig(device="cpu", dtype="float32", max_pictures=8)
    found = footprint_of(whole_pipelines["sana"], config, 100 * MIB)
    assert found.weights > 0
    assert found.full_cache == found.least_cache > 0


def test_a_class_by_its_old_name_is_loaded_by_its_new_one(tmp_path: Path, whole_pipelines: dict[str, Path]) -> None:
    folder = Path(shutil.copytree(whole_pipelines["pixart-sigma"], tmp_path / "model"))
    change("model_index.json", transformer=["diffusers", "Transformer2DModel"])(folder)
    change("transformer/config.json", _class_name="Transformer2DModel")(folder)
    check_folder(folder)
    model = at_once(load_whole(folder, EngineConfig(device="cpu", dtype="float32", threads=1)))
    assert type(model.parts["transformer"]).__name__ == "PixArtTransformer2DModel"


@pytest.mark.parametrize(
    ("family", "old", "new"),
    [
        ("lumina", "LuminaText2ImgPipeline", "LuminaPipeline"),
        ("lumina-2", "Lumina2Text2ImgPipeline", "Lumina2Pipeline"),
    ],
)
def test_a_pipeline_by_its_old_name_is_the_new_one(
    tmp_path: Path, whole_pipelines: dict[str, Path], family: str, old: str, new: str
) -> None:
    """As Lumina Next is published, and Lumina 2 was."""
    folder = Path(shutil.copytree(whole_pipelines[family], tmp_path / "model"))
    change("model_index.json", _class_name=old)(folder)
    assert (check_folder(folder).architecture, is_whole(folder)) == (new, True)


@pytest.mark.parametrize("family", SIDES)
def test_what_it_takes_is_foretold(whole_pipelines: dict[str, Path], family: str) -> None:
    """Of weights the very bytes, of the rest a guess."""
    config = EngineConfig(device="cpu", dtype="float32", threads=1)
    found = footprint_of(whole_pipelines[family], config, 1024 * MIB)
    parts = at_once(load_whole(whole_pipelines[family], config)).parts.values()
    modules = [part for part in parts if isinstance(part, torch.nn.Module)]
    loaded = sum(weight.nbytes for part in modules for weight in {*part.parameters()})
    assert loaded <= found.weights <= loaded * 1.1
    assert found.least_cache > 0


@pytest.mark.parametrize(
    ("family", "damage", "words"),
    [
        ("sana", change("model_index.json", vae=["diffusers", "AutoencoderKL"]), "allowed are: AutoencoderDC"),
        ("sana", change("model_index.json", text_encoder=["transformers", "AutoModel"]), "allowed are: Gemma2Model"),
        ("sana", change("vae/config.json", decoder_block_out_channels=[8, 8]), "32 pixels a side from each latent"),
        ("sana", change("vae/config.json", decoder_block_out_channels="8"), "decoder_block_out_channels"),
        ("lumina-2", change("model_index.json", custom_pipeline="evil/code"), "custom_pipeline"),
        ("lumina-2", change("transformer/config.json", auto_map={"AutoModel": "evil--code"}), "auto_map"),
        ("auraflow", change("transformer/config.json", pos_embed_max_size=10**9), "pos_embed_max_size"),
        ("auraflow", change("model_index.json", _class_name="KandinskyPipeline"), "isn't supported"),
        ("qwen-image", change("model_index.json", processor=["transformers", "Qwen2VLProcessor"]), "doesn't have"),
        ("qwen-image", change("vae/config.json", dim_mult=[1, "2"]), "dim_mult"),
        ("qwen-image", change("transformer/config.json", in_channels=64), "takes 64 channels"),
        ("qwen-image", change("transformer/config.json", guidance_embeds=True), "guidance as an input"),
        ("z-image", change("transformer/config.json", axes_lens=[640, 80]), "axes_lens"),
        ("z-image", change("tokenizer/tokenizer_config.json", auto_map={"AutoTokenizer": "evil--code"}), "auto_map"),
        ("z-image", template("{% for message in messages %}"), "chat template is not valid"),
        ("flux-2-klein", template(""), "has no chat template"),
        (
            "cogview-4",
            change("model_index.json", tokenizer=["transformers", "AutoTokenizer"]),
            "allowed are: PreTrained",
        ),
        ("hunyuan-dit", change("model_index.json", text_encoder=["transformers", "T5EncoderModel"]), "are: BertModel"),
    ],
)
def test_what_is_unsafe_or_unknown_is_refused(
    tmp_path: Path, whole_pipelines: dict[str, Path], family: str, damage: Callable[[Path], object], words: str
) -> None:
    folder = Path(shutil.copytree(whole_pipelines[family], tmp_path / "model"))
    damage(folder)
    with pytest.raises(StoreError, match=words):
        check_folder(folder)


def test_a_tokenizer_of_sentencepiece_alone_is_read(tmp_path: Path, whole_pipelines: dict[str, Path]) -> None:
    """As PixArt is published: transformers makes its tokenizer from the trained model."""
    folder = Path(shutil.copytree(whole_pipelines["pixart-alpha"], tmp_path / "model"))
    (folder / "tokenizer/tokenizer.json").unlink()
    trained = folder / "tokenizer/spiece.model"
    words = tmp_path / "words.txt"
    words.write_text("a red apple on a table\nthe blue car and the green heart\n" * 20)
    SentencePieceTrainer.train(
        input=str(words), model_prefix=str(trained.with_suffix("")), vocab_size=24, minloglevel=2,
        pad_id=0, eos_id=1, unk_id=2, bos_id=-1,
    )  # fmt: skip
    assert "tokenizer/spiece.model" in check_folder(folder).files
    whole = at_once(load_whole(folder, EngineConfig(device="cpu", dtype="float32")))
    wanted = SentencePieceProcessor(model_file=str(trained)).encode("the red heart")
    assert whole.parts["tokenizer"]("the red heart").input_ids == [*wanted, 1]


def test_a_tokenizer_of_words_alone_is_read(tmp_path: Path, whole_pipelines: dict[str, Path]) -> None:
    """As HunyuanDiT is published: transformers makes its first tokenizer from the list of words."""
    folder = Path(shutil.copytree(whole_pipelines["hunyuan-dit"], tmp_path / "model"))
    read = json.loads((folder / "tokenizer/tokenizer.json").read_text())["model"]["vocab"]
    (folder / "tokenizer/tokenizer.json").unlink()
    (folder / "tokenizer/vocab.txt").write_text("\n".join(read))
    assert "tokenizer/vocab.txt" in check_folder(folder).files
    whole = at_once(load_whole(folder, EngineConfig(device="cpu", dtype="float32")))
    wanted = [read[piece] for piece in ("[CLS]", "a", "r", "##e", "##d", "[SEP]")]
    assert whole.parts["tokenizer"]("a red").input_ids == wanted
