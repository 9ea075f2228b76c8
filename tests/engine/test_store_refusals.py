"""What the model store refuses, each with a sentence, and nothing left behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.store import ModelStore, StoreError, check_folder
from tests.engine.model_folders import make_folder, safetensors

Change = Callable[[Path], Any]


def write(name: str, content: str | bytes = b"x") -> Change:
    def change(folder: Path) -> None:
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    return change


def config(**changes: Any) -> Change:
    def change(folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    return change


def weights(*args: Any, **named: Any) -> Change:
    return write("model.safetensors", safetensors(*args, **named))


def tensor(begin: int, end: int, shape: list[Any], dtype: str = "BF16") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def link(name: str, target: str) -> Change:
    def change(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(target)

    return change


def template_of(written: str) -> Change:
    """Where older models have it."""

    def change(folder: Path) -> None:
        (folder / "chat_template.jinja").unlink()
        (folder / "tokenizer_config.json").write_text(f'{{"chat_template": {written}}}')

    return change


INDEX = "model.safetensors.index.json"
REFUSED: dict[str, tuple[Change, str]] = {
    "pickled weights": (write("pytorch_model.bin"), r"pytorch_model\.bin may hold pickled weights"),
    "a .pt": (write("model.pt"), "may hold pickled weights"),
    "a .pth in a folder": (write("inner/model.pth"), "may hold pickled weights"),
    "a .ckpt": (write("model.CKPT"), "may hold pickled weights"),
    "a .pkl": (write("x.pkl"), "may hold pickled weights"),
    "code": (write("modeling_evil.py", "import os"), "is program code"),
    "code in a folder": (write("inner/kernel.so"), "is program code"),
    "auto_map": (config(auto_map={"AutoModel": "evil.Model"}), r"config\.json asks for .*code.* of its own"),
    "auto_map of the tokenizer": (write("tokenizer_config.json", '{"auto_map": {"AutoTokenizer": "x"}}'), "auto_map"),
    "a kernel": (config(attn_implementation="evil/kernels"), "kernel repository"),
    "an unknown architecture": (config(architectures=["EvilModel"]), "EvilModel isn't supported"),
    "no architecture": (config(architectures=None), "exactly one architecture"),
    "no context length": (config(max_position_embeddings=None), "how long a context may be"),
    "no config": (lambda folder: (folder / "config.json").unlink(), r"no config\.json"),
    "config no JSON": (write("config.json", "{"), r"config\.json is not readable as JSON"),
    "config too deep": (write("config.json", "[" * 200_000), r"config\.json is not readable as JSON"),
    "config a list": (write("config.json", "[]"), "must hold a JSON object"),
    "no tokenizer": (lambda folder: (folder / "tokenizer.json").unlink(), r"no tokenizer\.json"),
    "a broken tokenizer": (write("tokenizer.json", "{}"), r"tokenizer\.json can't be used"),
    "no weights": (lambda folder: (folder / "model.safetensors").unlink(), r"no \*\.safetensors"),
    "a link out": (link("README.md", "/etc/passwd"), r"README\.md is a link"),
    "a link to a folder": (link("inner", "/etc"), "inner is a link"),
    "an index that leads out": (write(INDEX, '{"weight_map": {"a": "../../x.safetensors"}}'), "leads out of"),
    "an absolute index": (write(INDEX, '{"weight_map": {"a": "/etc/x.safetensors"}}'), "leads out of"),
    "an index of more": (write(INDEX, '{"weight_map": {"a": "more.safetensors"}}'), "which is missing"),
    "a huge header": (write("model.safetensors", (2**40).to_bytes(8, "little") + b"{}"), "its header claims"),
    "a header past the end": (write("model.safetensors", (99).to_bytes(8, "little") + b"{}"), "its header claims"),
    "an empty file": (write("model.safetensors", b""), "its header claims"),
    "a header that is no JSON": (weights(header=b"garbage!"), "its header isn't readable"),
    "a header too deep": (weights(header=b"[" * 100_000), "its header isn't readable"),
    "a name twice": (weights(header=b'{"a": {}, "a": {}}'), "its header isn't readable"),
    "no tensors": (weights({}), "holds no tensors"),
    "overlapping tensors": (weights({"a": tensor(0, 8, [4]), "b": tensor(4, 8, [2])}), "overlaps another"),
    "a gap": (weights({"a": tensor(2, 8, [3])}), "leaves a gap"),
    "a tensor past the end": (weights({"a": tensor(0, 16, [8])}), "is damaged"),
    "bytes after the last": (weights({"a": tensor(0, 4, [2])}), "is damaged"),
    "a size that doesn't fit": (weights({"a": tensor(0, 8, [5])}), "no sound shape"),
    "a negative size": (weights({"a": tensor(0, 8, [-4])}), "no sound shape"),
    "a bool for a size": (weights({"a": tensor(0, 8, [True, 4])}), "no sound shape"),
    "an unknown type": (weights({"a": tensor(0, 8, [4], "EVIL")}), "no sound shape"),
    "a shape that is no list": (
        weights({"a": {"dtype": "BF16", "shape": {}, "data_offsets": [0, 8]}}),
        "no sound shape",
    ),
    "sides that are hours of work": (weights({"a": tensor(0, 8, [10**4000] * 3000)}), "no sound shape"),
    "a name for the terminal": (weights({"\x1b[2J\ud800\0" * 999: tensor(0, 8, [5])}), "no sound shape"),
    "an index for the terminal": (write(INDEX, '{"weight_map": {"a": "\\ud800\\u001b[2J\\u0000"}}'), "leads out of"),
    "a file by half a letter": (write(INDEX, '{"weight_map": {"a": "\\ud800\\u001b[2J"}}'), "which is missing"),
    "quantised, in a list": (config(quantization_config=[1]), "The weights are quantised"),
    "quantised by a list": (config(quantization_config={"quant_method": []}), "The weights are quantised"),
    "a context without end": (config(max_position_embeddings=10**400), "how long a context may be"),
    "layers without end": (config(num_hidden_layers=10**9), "no sound “num_hidden_layers”"),
    "no layers": (config(num_hidden_layers=0), "no sound “num_hidden_layers”"),
    "half a layer": (config(num_hidden_layers=2.5), "no sound “num_hidden_layers”"),
    "heads that are words": (config(num_attention_heads="many"), "no sound “num_attention_heads”"),
    "a vocabulary without end": (config(vocab_size=10**9), "no sound “vocab_size”"),
    "auto_map further down": (config(text_config={"auto_map": {"AutoModel": "evil.Model"}}), "asks for code"),
    "a kernel further down": (config(a=[{"attn_implementation": "evil/kernels"}]), "kernel repository"),
    "a template with NUL": (write("chat_template.jinja", "a\0"), "no text may have"),
    "a template of half letters": (template_of('"\\ud800"'), "no text may have"),
    "settings that are too large": (write("special_tokens_map.json", b" " * 2**24 + b"{}"), "larger than the 16 MiB"),
    "integers": (weights({"a": tensor(0, 8, [8], "I8")}), "are of type I8"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str, tmp_path: Path) -> None:
    change, sentence = REFUSED[case]
    folder = make_folder(tmp_path / "model")
    change(folder)
    store = ModelStore(tmp_path / "store")
    with pytest.raises(StoreError, match=sentence) as refusal:
        store.install(folder, {})
    assert str(refusal.value)[-1] in ".)"
    assert str(refusal.value).isprintable()
    assert len(str(refusal.value)) < 1_100
    assert list(store.manifests()) == []
    assert not [path for path in (store.root / ".staging").glob("*") if path.is_dir()]


def test_files_that_are_no_part_of_a_model_are_left_out(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "model")
    write(".gitattributes")(folder)
    write("picture.png")(folder)
    write("onnx/config.json", "{}")(folder)
    write("LICENSE")(folder)
    kept = check_folder(folder).files
    assert kept == (
        "LICENSE", "README.md", "chat_template.jinja", "config.json", "model.safetensors", "tokenizer.json",
        "tokenizer_config.json",
    )  # fmt: skip


def test_the_type_of_most_weights_counts(tmp_path: Path) -> None:
    mixed = safetensors({"a": tensor(0, 4, [1], "F32"), "b": tensor(4, 12, [4], "F16")}, data=b"\0" * 12)
    assert check_folder(make_folder(tmp_path / "model", weights=mixed)).dtype == "float16"
