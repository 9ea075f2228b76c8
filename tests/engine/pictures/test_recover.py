"""Parameters from pictures that other programs made, and from hostile ones."""

from __future__ import annotations

import json
import time
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from engine.pictures import PictureRefused, Recovered, a1111, comfyui, invokeai, own, recover
from engine.pictures.exif import write_exif
from engine.pictures.samplers import to_ours
from tests.engine.pictures.files import BOMB, drawing, encoded, png_of_chunks

WEBUI = """masterpiece, (apple:1.2), <lora:x:0.8>
on a table
Negative prompt: blurry, "bad"
ugly
Steps: 20, Sampler: DPM++ 2M Karras, CFG scale: 7.5, Seed: 965400086, Size: 512x768, Model hash: 45dee52b, \
Model: v1-5, Denoising strength: 0.35, ControlNet: "Module: canny, Weight: 1", Clip skip: 2, Version: v1.10.1"""


def graph(**changes: Any) -> dict[str, Any]:
    nodes: dict[str, Any] = {
        "3": {"class_type": "KSampler", "inputs": {
            "seed": 18446744073709551615, "steps": 25, "cfg": 6.5, "sampler_name": "euler_ancestral", "denoise": 1,
            "scheduler": "normal", "model": ["10", 0], "positive": ["20", 0], "negative": ["7", 0],
            "latent_image": ["5", 0]}},
        "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sd_xl_base.safetensors"}},
        "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 1024, "height": 768, "batch_size": 1}},
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": ["30", 0], "clip": ["4", 1]}},
        "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["4", 1]}},
        "10": {"class_type": "LoraLoader", "inputs": {"lora_name": "x", "model": ["4", 0], "clip": ["4", 1]}},
        "20": {"class_type": "FluxGuidance", "inputs": {"guidance": 3.5, "conditioning": ["6", 0]}},
        "30": {"class_type": "PrimitiveString", "inputs": {"value": "a red apple"}},
    }  # fmt: skip
    return nodes | changes


def png_with(**texts: str) -> bytes:
    told = PngInfo()
    for name, text in texts.items():
        told.add_text(name, text, zip=len(text) > 100)
    return encoded(drawing(), pnginfo=told)


def test_a1111() -> None:
    found = recover(png_with(parameters=WEBUI))
    assert found == Recovered(
        "a1111",
        prompt="masterpiece, (apple:1.2), <lora:x:0.8>\non a table",
        negative_prompt='blurry, "bad"\nugly',
        width=512,
        height=768,
        steps=20,
        guidance=7.5,
        seed=965400086,
        scheduler="dpm++-karras",
        strength=0.35,
        model="v1-5",
        extras={
            "Model hash": "45dee52b",
            "ControlNet": "Module: canny, Weight: 1",
            "Clip skip": "2",
            "Version": "v1.10.1",
        },
    )


@pytest.mark.parametrize(
    ("sampler", "schedule", "ours"),
    [("DPM++ 2M", "Karras", "dpm++-karras"), ("DPM++ 2M", "Automatic", "dpm++"), ("dpmpp_2m", "karras", "dpm++-karras"),
     ("dpmpp_2m_k", "", "dpm++-karras"), ("Euler", "Karras", "euler"), ("Restart", "Karras", "Restart")],
)  # fmt: skip
def test_samplers_have_many_names(sampler: str, schedule: str, ours: str) -> None:
    assert to_ours(sampler, schedule) == ours


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
@pytest.mark.parametrize("encoding", ["utf-16-be", "utf-16-le", "ascii"])
def test_a1111_in_exif(kind: str, encoding: str) -> None:
    code = b"ASCII\0\0\0" if encoding == "ascii" else b"UNICODE\0"
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = code + WEBUI.encode(encoding)
    found = recover(encoded(drawing(), kind, exif=exif))
    assert found is not None
    assert (found.seed, found.negative_prompt) == (965400086, 'blurry, "bad"\nugly')


def test_a1111_without_negative_prompt_and_without_any() -> None:
    found = a1111.read("an apple\nSteps: 4, Sampler: LCM, CFG scale: 1, Seed: 5, Size: 64x64")
    assert found is not None
    assert (found.prompt, found.negative_prompt, found.scheduler, found.model) == ("an apple", "", "LCM", None)
    assert a1111.read("only words") is None
    assert a1111.read('{"sui_image_params": {}}') is None


def test_comfyui() -> None:
    found = recover(png_with(prompt=json.dumps(graph()), workflow="{}"))
    assert found == Recovered(
        "comfyui", prompt="a red apple", negative_prompt="blurry", width=1024, height=768, steps=25, guidance=6.5,
        seed=18446744073709551615, scheduler="euler-ancestral", strength=1.0, model="sd_xl_base.safetensors",
        extras={"schedule": "normal"},
    )  # fmt: skip


def test_comfyui_in_webp() -> None:
    exif = Image.Exif()
    exif[0x0110] = "prompt:" + json.dumps(graph())
    found = recover(encoded(drawing(), "WEBP", exif=exif))
    assert found is not None
    assert found.prompt == "a red apple"


def test_comfyui_takes_the_first_of_two_stages() -> None:
    second = {"class_type": "KSampler", "inputs": {"seed": 1, "steps": 9, "latent_image": ["3", 0]}}
    found = comfyui.read(json.dumps({"1": second} | graph()))
    assert found is not None
    assert found.steps == 25


HOSTILE_GRAPHS = [
    graph(**{"6": {"inputs": {"text": ["6", 0]}}}),
    graph(**{"20": {"inputs": {"a": ["20", 0], "c": [["x"], {}], "d": [{}], "e": []}}}),
    graph(**{"3": {"class_type": "KSampler", "inputs": [1, 2]}}),
    {str(at): {"class_type": "KSampler", "inputs": {"positive": [str(at + 1), 0]}} for at in range(5000)},
    {"1": None, "2": [], "3": {"class_type": ["KSampler"]}},
]


@pytest.mark.parametrize("hostile", HOSTILE_GRAPHS)
def test_comfyui_graphs_that_lead_nowhere(hostile: dict[str, Any]) -> None:
    found = comfyui.read(json.dumps(hostile))
    assert found is None or found.prompt is None


def test_invokeai() -> None:
    told = {
        "app_version": "5.6.0", "positive_prompt": "a red apple", "negative_prompt": "", "width": 512, "height": 512,
        "seed": 42, "cfg_scale": 7.5, "steps": 30, "scheduler": "euler_a", "model": {"name": "Juggernaut", "hash": "x"},
        "loras": [], "strength": None,
    }  # fmt: skip
    found = recover(png_with(invokeai_metadata=json.dumps(told)))
    assert found == Recovered(
        "invokeai", prompt="a red apple", negative_prompt="", width=512, height=512, steps=30, guidance=7.5, seed=42,
        scheduler="euler-ancestral", model="Juggernaut", extras={"app_version": "5.6.0"},
    )  # fmt: skip


def test_ours_comes_first_and_a_broken_one_is_passed_over() -> None:
    found = recover(png_with(atrium="{broken", parameters=WEBUI, prompt=json.dumps(graph())))
    assert found is not None
    assert found.source_format == "a1111"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_nothing_known(kind: str) -> None:
    assert recover(encoded(drawing(), kind, exif=write_exif(software="x", comment="nice"))) is None


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(PictureRefused, match="This is text"):
        recover(b"hello")


BAD_VALUES = [-1, 2.5, True, None, [], {}, "x", "9" * 5000, 10**400, float("nan"), float("inf"), 2**64, "1e999"]


@pytest.mark.parametrize("value", BAD_VALUES, ids=range(len(BAD_VALUES)))
def test_values_of_the_wrong_kind_are_left_out(value: Any) -> None:
    record = {"atrium": 1, "params": {"prompt": "p", "steps": value, "seed": value, "width": value}, "made_with": value}
    found = own.read(json.dumps(record))
    assert found == Recovered("atrium", prompt="p")


def test_long_and_deep_ones_are_given_up() -> None:
    for text in ("[" * 300_000, '{"a":' * 300_000, json.dumps({"atrium": 1, "params": {"prompt": "x" * 20_001}})):
        for read in (own.read, comfyui.read, invokeai.read):
            assert read(text) is None


def test_a_text_that_unpacks_to_too_much_is_not_read() -> None:
    bomb = png_of_chunks((b"zTXt", b"parameters\0\0" + BOMB), (b"tEXt", b"prompt\0" + json.dumps(graph()).encode()))
    tracemalloc.start()
    found = recover(bomb)
    assert tracemalloc.get_traced_memory()[1] < 6_000_000
    tracemalloc.stop()
    assert found is not None
    assert found.source_format == "comfyui"


LONG = [
    "a" * 900_000, "Steps: 1" + ", x: y" * 150_000, 'Steps: 1, x: "' + '\\"' * 400_000, "Steps: 1\n" * 100_000,
    "Steps: 1" + " " * 900_000, "Steps: 1," + '"' * 900_000, "Negative prompt:\n" * 50_000 + "Steps: 1",
]  # fmt: skip


@pytest.mark.parametrize("text", LONG, ids=range(len(LONG)))
def test_long_settings_take_no_time(text: str) -> None:
    started = time.process_time()
    a1111.read(text)
    assert time.process_time() - started < 2


@settings(max_examples=60, deadline=None, derandomize=True)
@given(text=st.one_of(st.text(), st.text(alphabet='Steps: 1,"\\\n{}[]'), st.recursive(
    st.one_of(st.none(), st.integers(), st.text()), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
).map(json.dumps)))  # fmt: skip
def test_any_text_is_read_or_not(text: str) -> None:
    for read in (a1111.read, own.read, comfyui.read, invokeai.read):
        read(text)
