"""What the text benchmark measures, and with which files of llama.cpp."""

from __future__ import annotations

import json
from pathlib import Path

import gguf
import pytest
import torch

from benchmarks.text.gguf_files import NOT_INSTALLED, found_files, is_installed, named_files
from benchmarks.text.options import parsed

ON_GPU = torch.accelerator.is_available()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    settings = {"num_hidden_layers": 2, "hidden_size": 32, "vocab_size": 3}
    (folder / "config.json").write_text(json.dumps(settings))
    return folder


def make_file(path: Path, kind: gguf.LlamaFileType, layers: int = 2) -> Path:
    path.parent.mkdir(exist_ok=True)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(layers)
    writer.add_embedding_length(32)
    writer.add_file_type(kind)
    writer.add_token_list(["a", "b", "c"])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    return path


def test_files_of_this_model_are_found_and_what_is_left_out_is_told(model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "gguf"
    told = found_files(model, folder)[1]
    assert [one.partition(" is left out")[0] for one in told] == ["llama.cpp with Q4_1 and bfloat16"]
    small = make_file(folder / "small.gguf", gguf.LlamaFileType.MOSTLY_Q4_1)
    other = make_file(folder / "other.gguf", gguf.LlamaFileType.MOSTLY_BF16, layers=3)
    files, told = found_files(model, folder)
    assert files == [small]
    assert told[0] == f"{other} is left out: it is of another model than {model}, 3 layers and not 2."
    assert told[1].startswith("llama.cpp with bfloat16 is left out: put such files into ")
    whole = make_file(other, gguf.LlamaFileType.MOSTLY_BF16)
    assert found_files(model, folder) == ([whole, small], [])


def test_a_named_file_of_another_model_is_refused(model: Path, tmp_path: Path) -> None:
    other = make_file(tmp_path / "other.gguf", gguf.LlamaFileType.MOSTLY_BF16, layers=3)
    with pytest.raises(ValueError, match=r"another model than .*: 3 layers and not 2"):
        named_files(model, [other])
    with pytest.raises(ValueError, match="There is no file"):
        named_files(model, [tmp_path / "none.gguf"])


@pytest.mark.skipif(is_installed(), reason="llama-cpp-python is installed")
def test_without_llama_cpp_all_is_all_others(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = parsed("", [str(model), "--device", "cpu"])
    assert options.left_out == [NOT_INSTALLED]
    assert NOT_INSTALLED in capsys.readouterr().err
    with pytest.raises(SystemExit):
        parsed("", [str(model), "--device", "cpu", "--peers", "llama.cpp"])
    assert NOT_INSTALLED in capsys.readouterr().err


def test_a_folder_without_a_text_model_is_refused_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parsed("", [str(tmp_path), "--device", "cpu"])
    assert "holds no text model: it has no config.json" in capsys.readouterr().err


def test_a_folder_and_a_shape_have_their_own_usual_sizes(model: Path) -> None:
    folder, shape = parsed("", [str(model), "--device", "cpu"]), parsed("", ["--shape", "llama-8b", "--device", "cpu"])
    assert (folder.kind, folder.sequences, folder.shortest, folder.longest, folder.batch) == ("folder", 64, 16, 256, 32)
    assert (shape.kind, shape.sequences, shape.shortest, shape.longest, shape.batch) == ("shape", 256, 100, 1024, 256)
    assert shape.peers == ["continuous", "static"]
    assert parsed("", ["--shape", "small", "--peers", "none"]).peers == []
    assert parsed("", ["--shape", "small", "--profile"]).peers == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["FOLDER", "--shape", "small", "--device", "cpu"], "Either a FOLDER or a --shape"),
        (["FOLDER", "--device", "cpu", "--profile"], "--profile is for a shape, and a folder is measured"),
        (["--shape", "small", "--requests", "2"], "--requests is for a folder, and a shape is measured"),
        (["--shape", "small", "--peers", "generate"], "no peer generate of a shape; there are continuous, static"),
        (["--shape", "small", "--device", "nonsense"], "There is no device “nonsense”"),
        (["FOLDER", "--device", "cpu", "--requests", "2"], "--requests is 2: 8 at least"),
        (["--shape", "small", "--longest", "32"], "--shortest is 100 and --longest 32: the first can't be the larger"),
        (["--shape", "small", "--plot", "nowhere/x.svg"], "There is no folder nowhere for the plot"),
        pytest.param(
            [], "a model's FOLDER is needed, or --shape", marks=pytest.mark.skipif(ON_GPU, reason="on a GPU it isn't")
        ),
    ],
)
def test_what_does_not_go_together_is_told(
    model: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    with pytest.raises(SystemExit):
        parsed("", [str(model) if one == "FOLDER" else one for one in arguments])
    assert told in capsys.readouterr().err
