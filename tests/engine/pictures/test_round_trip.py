"""What is written into a picture is read again, whatever the prompt looks like."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.pictures import Carries, Kind, Recovered, download, pixels_sha256, recover
from engine.pictures.samplers import A1111
from engine.types import ImageParams
from tests.engine.pictures.files import drawing, encoded, origin

PNG = encoded(drawing(32, 32))
TRICKY = [
    "Steps: 3, Seed: 4",
    "Negative prompt: no",
    '"quoted", \\',
    "a\n\nb",
    "🍎 ，：",
    "Größe: ½",
    "<b>&amp;",
    "{}",
    "\r\n",
    "",
]
TEXTS = st.one_of(
    st.text(max_size=60),
    st.lists(st.one_of(st.sampled_from(TRICKY), st.text(max_size=20)), max_size=5).map("\n".join),
)
FLOATS = st.floats(0, 1000, allow_subnormal=False)
PARAMS = st.builds(
    ImageParams,
    prompt=TEXTS,
    negative_prompt=TEXTS,
    width=st.integers(16, 9999),
    height=st.integers(16, 9999),
    steps=st.integers(1, 1000),
    guidance=FLOATS,
    seed=st.integers(0, 2**63 - 1),
    scheduler=st.sampled_from(["default", *A1111, "something-new"]),
    strength=st.floats(0, 1, allow_subnormal=False),
    adapter_strength=st.floats(0, 2, allow_subnormal=False),
)
MODELS = st.one_of(
    st.text(min_size=1, max_size=40), st.sampled_from(['a, b: "c"', "v1-5", "🍎\nmodel", '"', "x,", "Steps: 1"])
)


def told(found: Recovered | None) -> ImageParams:
    assert found is not None
    names = [part.name for part in dataclasses.fields(ImageParams)]
    return ImageParams(**{name: getattr(found, name) for name in names})


@settings(max_examples=80, deadline=None, derandomize=True)
@given(params=PARAMS, model=MODELS)
@example(params=ImageParams("a\0b\ud800"), model="\x07")
def test_our_own_record_gives_exactly_the_same(params: ImageParams, model: str) -> None:
    found = recover(download(PNG, origin(params=params, model=model), Carries.FULL))
    assert told(found) == params
    assert found is not None
    assert (found.model, found.source_format) == (model, "atrium")


@settings(max_examples=40, deadline=None, derandomize=True)
@given(params=PARAMS, kind=st.sampled_from([Kind.JPEG, Kind.WEBP]))
def test_also_in_jpeg_and_webp(params: ImageParams, kind: Kind) -> None:
    assert told(recover(download(PNG, origin(params=params), Carries.FULL, kind))) == params


def held(params: ImageParams) -> bool:
    """Whether A1111's text can hold it: nothing else may look like the line where the negative prompt begins."""
    return "\nNegative prompt:" not in "\n" + params.prompt and "\0" not in params.prompt + params.negative_prompt


@settings(max_examples=100, deadline=None, derandomize=True)
@given(params=PARAMS.filter(held), model=MODELS, kind=st.sampled_from(Kind))
@example(
    params=ImageParams("Steps: 9, Seed: 9, Size: 9x9", "Negative prompt: Negative prompt:\nSteps: 1"),
    model="x",
    kind=Kind.PNG,
)
def test_a1111_gives_the_same_where_it_can_hold_it(params: ImageParams, model: str, kind: Kind) -> None:
    model = model.replace("\0", "")
    found = recover(download(PNG, origin(params=params, model=model, has_source=True), Carries.A1111, kind))
    assert found is not None
    expected = dataclasses.replace(
        params,
        scheduler=None if params.scheduler == "default" else params.scheduler,
        adapter_strength=None if params.adapter_strength == 1 else params.adapter_strength,
    )
    assert told(found) == expected
    assert found.source_format == "a1111"
    assert found.model == (model or None)


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("carries", [Carries.STRIPPED, Carries.SIGNED])
def test_nothing_is_told_where_nothing_was_asked_for(carries: Carries, kind: Kind) -> None:
    assert recover(download(PNG, origin(), carries, kind)) is None


@pytest.mark.parametrize("carries", Carries)
def test_pixels_stay_whatever_is_written(carries: Carries) -> None:
    assert pixels_sha256(download(PNG, origin(), carries)) == pixels_sha256(PNG)
