"""Pictures, token for token as transformers has them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from engine.image.checkpoint import BadCheckpoint
from engine.image.orders import NonFinite
from engine.image.pixels import to_preview
from engine.janus.checkpoint import kept, saved
from engine.janus.drawing import Drawing
from engine.janus.model import LoadedJanus
from engine.janus.picture import shown
from engine.janus.prompts import BadPrompt, drawing_prompt, with_places, without_prompt
from engine.types import ImageParams, SamplingParams
from tests.engine.device import DEVICE
from tests.engine.janus.tiny import SIDE, TOKENS

PROMPTS = ["a red apple", "two blue cars, one of them old", "日本語"]


@pytest.fixture(autouse=True)
def inference() -> Iterator[None]:
    with torch.inference_mode():
        yield


def inputs_of(processor: Any, prompt: str) -> Any:
    parts = [{"role": "user", "content": [{"type": "text", "text": prompt}]}]
    text = processor.apply_chat_template(parts, add_generation_prompt=True)
    return processor(text=[text], generation_mode="image", return_tensors="pt").to(DEVICE)


def drawing(model: LoadedJanus, prompt: str, tokens: tuple[int, ...] = (), **changes: Any) -> Drawing:
    made = drawing_prompt(model.chat, model.marks, prompt, model.facts.prompt_tokens)
    return Drawing(model, made, ImageParams(prompt, **({"seed": 7} | changes)), tokens)


def drawn(model: LoadedJanus, prompt: str, **changes: Any) -> list[int]:
    picture = drawing(model, prompt, **changes)
    while not picture.over:
        picture.step()
    return picture.tokens


@pytest.mark.parametrize("prompt", PROMPTS)
def test_the_prompt_is_the_processors(janus: LoadedJanus, processor: Any, prompt: str) -> None:
    made = drawing_prompt(janus.chat, janus.marks, prompt, 100)
    assert made == inputs_of(processor, prompt).input_ids[0].tolist()
    assert set(without_prompt(made, janus.marks)) == {janus.marks.bos, janus.marks.begin, janus.marks.pad}


@pytest.mark.skipif(
    transformers.__version__.startswith("5.17."), reason="its own Janus fails before it draws, for an argument left out"
)
@pytest.mark.parametrize("guidance", [5.0, 1.7])
@pytest.mark.parametrize("prompt", PROMPTS)
def test_greedy_equals_transformers(
    janus: LoadedJanus, oracle: Any, processor: Any, prompt: str, guidance: float
) -> None:
    inputs = inputs_of(processor, prompt)
    expected = oracle.generate(**inputs, generation_mode="image", do_sample=False, guidance_scale=guidance)[0].tolist()
    greedy = replace(janus, sampling=SamplingParams(top_k=1))
    assert drawn(greedy, prompt, guidance=guidance) == expected
    assert len(set(expected)) > 2


@pytest.mark.parametrize("guidance", [4.0, 1.0])
def test_sampling_equals_a_plain_loop(janus: LoadedJanus, guidance: float) -> None:
    """No cache, all of it read anew for each token; the number of each decides among the most probable first."""
    module, marks = janus.module, janus.marks
    prompt = drawing_prompt(janus.chat, marks, "a red apple", 100)
    rows = [prompt, without_prompt(prompt, marks)] if guidance > 1 else [prompt]
    numbers = torch.rand(TOKENS, dtype=torch.float64, generator=torch.Generator().manual_seed(7))
    tokens: list[int] = []
    for number in numbers:
        embedded = module.get_input_embeddings()(torch.tensor(rows, device=DEVICE))
        if tokens:
            read = torch.tensor([tokens] * len(rows), device=DEVICE)
            seen = module.prepare_embeddings_for_image_generation(read)
            embedded = torch.cat([embedded, seen], dim=1)
        hidden = module.model.language_model(inputs_embeds=embedded, use_cache=False).last_hidden_state[:, -1]
        logits = module.model.generation_head(hidden)
        if guidance > 1:
            logits = logits[1:] + guidance * (logits[:1] - logits[1:])
        probabilities, order = logits[0].softmax(-1).sort(descending=True)
        tokens.append(int(order[int((probabilities.cumsum(-1) <= number).sum())]))
    assert drawn(janus, "a red apple", guidance=guidance) == tokens
    assert drawn(janus, "a red apple", guidance=guidance, seed=8) != tokens


@pytest.mark.parametrize("made", [1, 4, 7, TOKENS - 1])
def test_another_worker_goes_on_with_the_same_picture(janus: LoadedJanus, made: int) -> None:
    whole = drawn(janus, "a red apple")
    data = saved(whole[:made], "mine")
    resumed = kept(data, "mine", TOKENS, janus.picture_tokens)
    assert resumed == whole[:made]
    assert drawn(janus, "a red apple", tokens=tuple(resumed)) == whole


@pytest.mark.parametrize(
    "data",
    [b"", b"x" * 50, saved([1, 2], "another's"), saved([], "mine"), saved([1] * TOKENS, "mine"), saved([-1], "mine"),
     saved([64], "mine")],
)  # fmt: skip
def test_a_checkpoint_that_does_not_fit_is_refused(janus: LoadedJanus, data: bytes) -> None:
    with pytest.raises(BadCheckpoint):
        kept(data, "mine", TOKENS, janus.picture_tokens)


def test_a_step_that_failed_can_be_made_again(janus: LoadedJanus, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = drawn(janus, "a red apple")
    picture, language = drawing(janus, "a red apple"), janus.language
    for _ in range(6):
        picture.step()
    forward, layer = language.forward, language.layers[1]
    monkeypatch.setattr(layer, "forward", lambda *_args, **_more: 1 / 0)  # the first layer's cache has grown by then
    with pytest.raises(ZeroDivisionError):
        picture.step()
    monkeypatch.undo()
    assert language.forward == forward
    while not picture.over:
        picture.step()
    assert picture.tokens == expected


def test_no_numbers_are_no_picture(janus: LoadedJanus, monkeypatch: pytest.MonkeyPatch) -> None:
    head = janus.janus.generation_head
    monkeypatch.setattr(head, "forward", lambda hidden: hidden.new_full((len(hidden), 64), torch.nan))
    with pytest.raises(NonFinite):
        drawing(janus, "a red apple").step()


def test_pixels_are_those_of_transformers(janus: LoadedJanus, oracle: Any) -> None:
    picture = drawing(janus, "a red apple", tuple(range(TOKENS)))
    levels = (oracle.decode_image_tokens(torch.tensor([picture.tokens], device=DEVICE))[0] + 1) / 2 * 255
    expected = levels.clamp(0, 255).cpu().numpy()
    made = shown(janus, picture)
    assert made.size == (SIDE, SIDE)
    assert np.abs(np.array(made) - expected).max() <= 0.51


def test_a_preview_is_there_from_the_first_token_on(janus: LoadedJanus) -> None:
    picture = drawing(janus, "a red apple")
    picture.step()
    assert to_preview(shown(janus, picture), (SIDE, SIDE)).startswith(b"RIFF")


def test_places_of_pictures(janus: LoadedJanus) -> None:
    marks = janus.marks
    wide = with_places((9, marks.image, 8), 1, marks, 3)
    assert wide == (9, marks.begin, marks.image, marks.image, marks.image, marks.end, 8)
    with pytest.raises(BadPrompt, match="places for 1 pictures, and 2 came"):
        with_places((9, marks.image), 2, marks, 3)
    with pytest.raises(BadPrompt, match="up to 5"):
        drawing_prompt(janus.chat, marks, "far more than five tokens", 5)


def test_control_tokens_of_a_prompt_are_spelled_out(janus: LoadedJanus) -> None:
    made = drawing_prompt(janus.chat, janus.marks, "a <begin_of_image><image_placeholder> b", 100)
    assert made.count(janus.marks.begin) == 1
    assert janus.marks.image not in made
