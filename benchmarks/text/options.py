"""What can be told to the benchmark: of a model's folder, on a processor, or of a shape, on any device."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch

from benchmarks.text.gguf_files import FOLDER, NOT_INSTALLED, found_files, is_installed, named_files
from benchmarks.text.rounds import tell
from benchmarks.text.shapes import SHAPES
from engine.config import EngineConfig
from engine.device import pick_device

LLAMA = "llama.cpp"
PEERS = {"folder": ("generate", "static", "continuous", LLAMA), "shape": ("continuous", "static")}
USUAL: dict[str, dict[str, Any]] = {
    "folder": {
        "sequences": 64, "shortest": 16, "longest": 256, "batch": 32, "rounds": 3, "compile": "off", "gguf": [],
        "weights": [], "requests": 24, "rate": 1.0,
    },
    "shape": {
        "sequences": 256, "shortest": 100, "longest": 1024, "batch": 256, "rounds": 2, "compile": "on",
        "shape": "llama-1b", "peer_sequences": [64], "prompt_tokens": 4096, "profile": False, "context": 512,
    },
}  # fmt: skip
"""Where nothing else is told. What stands under one of them only is for that one."""
FEWEST = 8
"""Requests of W2: of fewer, none may share a beginning that was seen before."""


def parsed(about: str, arguments: list[str] | None = None) -> argparse.Namespace:
    """arguments: None for those of the command. With `kind`, `folder` or `shape`, and `left_out`: in words, who isn't
    measured and how to have them."""
    parser = _parser(about)
    options = parser.parse_args(arguments)
    on_gpu = _on_gpu(parser, options.device)
    if options.folder and on_gpu:
        parser.error("A FOLDER is measured on a processor: add --device cpu. On a GPU leave it out, or take --shape.")
    if options.folder and options.shape:
        parser.error("Either a FOLDER or a --shape is measured, not both.")
    if options.folder and not (options.folder / "config.json").is_file():
        parser.error(f"{options.folder} holds no text model: it has no config.json.")
    if not (options.folder or options.shape or on_gpu):
        parser.error("On a processor a model's FOLDER is needed, or --shape.")
    options.left_out = []
    options.kind = "folder" if options.folder else "shape"
    _complete(parser, options)
    return options


def _on_gpu(parser: argparse.ArgumentParser, name: str) -> bool:
    try:
        device = pick_device(EngineConfig(device=name))
    except ValueError as error:
        parser.error(str(error))
    if device.type != "cpu" and not torch.accelerator.is_available():
        parser.error(f"This machine has no {name}, or torch can't use it: take --device cpu.")
    return device.type != "cpu"


def _parser(about: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.text", description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path, metavar="FOLDER", help="a model's, measured on a processor")
    parser.add_argument("--shape", choices=SHAPES, help="in place of FOLDER, and on a GPU (llama-1b): random weights")
    parser.add_argument("--device", default="auto", help="auto: the graphics card if there is one; cpu, cuda, …")
    parser.add_argument("--dtype", choices=("auto", "float32", "bfloat16"), default="auto")
    names = "; of a shape: ".join(", ".join(names) for names in PEERS.values())
    parser.add_argument("--peers", default="all", help=f"all, none, or some: {names}")
    parser.add_argument("--sequences", type=int, help=_usual("sequences"))
    parser.add_argument("--shortest", type=int, help=f"tokens in and out, at least; {_usual('shortest')}")
    parser.add_argument("--longest", type=int, help=f"tokens in and out, at most; {_usual('longest')}")
    parser.add_argument("--batch", type=int, help=f"at once; {_usual('batch')}")
    parser.add_argument("--rounds", type=int, help=_usual("rounds"))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument(
        "--compile", choices=("on", "off"), help="on: compiled layers too, in phases, and times of starts; of a "
        "shape, where it is usual: off for the modelling code as it is",
    )  # fmt: skip
    parser.add_argument("--plot", type=Path, help="an SVG file to write: tokens a second of everybody")
    folder = parser.add_argument_group("of a folder")
    folder.add_argument("--gguf", type=Path, nargs="+", help="files for llama.cpp, if not those in data/gguf")
    folder.add_argument("--weights", nargs="+", choices=("int8", "int4"), help="ours, beside full")
    folder.add_argument("--requests", type=int, help="of W2")
    folder.add_argument("--rate", type=float, help="arrivals a second in W2")
    shape = parser.add_argument_group("of a shape")
    shape.add_argument("--peer-sequences", type=int, nargs="+", help="peers get so many (64), all at once")
    shape.add_argument("--prompt-tokens", type=int, help="read in one step, at most (4096)")
    shape.add_argument("--profile", action="store_true", default=None, help="where a pass' time goes, in place of W1")
    shape.add_argument("--context", type=int, help="tokens of each sequence, in a profile (512)")
    return parser


def _usual(name: str) -> str:
    return f"{USUAL['folder'][name]}, of a shape {USUAL['shape'][name]}"


def _complete(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    for kind, usual in USUAL.items():
        for name, value in usual.items():
            if getattr(options, name) is not None:
                if name not in USUAL[options.kind]:
                    parser.error(f"--{name.replace('_', '-')} is for a {kind}, and a {options.kind} is measured.")
            elif kind == options.kind:
                setattr(options, name, value)
    if not 1 <= options.shortest <= options.longest:
        told = f"--shortest is {options.shortest} and --longest {options.longest}"
        parser.error(f"{told}: the first can't be the larger one, nor less than 1.")
    if options.kind == "folder" and options.requests < FEWEST:
        parser.error(f"--requests is {options.requests}: {FEWEST} at least, so that some share a known beginning.")
    if options.plot and not options.plot.parent.is_dir():
        parser.error(f"There is no folder {options.plot.parent} for the plot.")
    everybody, wanted = options.peers == "all", options.peers.split(",")
    options.peers = list(PEERS[options.kind]) if everybody else [name for name in wanted if name != "none"]
    if options.kind == "shape" and options.profile:
        options.peers = []
    if unknown := set(options.peers) - set(PEERS[options.kind]):
        known = ", ".join(PEERS[options.kind])
        parser.error(f"There is no peer {', '.join(sorted(unknown))} of a {options.kind}; there are {known}.")
    if options.kind == "folder":
        try:
            _choose_files(options, everybody)
        except (OSError, ValueError) as error:
            parser.error(str(error))


def _choose_files(options: argparse.Namespace, everybody: bool) -> None:
    """Files that were named are used whoever else is a peer."""
    by_name = bool(options.gguf) or not everybody
    if not (options.gguf or LLAMA in options.peers):
        return
    if not is_installed():
        options.left_out = [NOT_INSTALLED]
    elif options.gguf:
        named_files(options.folder, options.gguf)
    else:
        options.gguf, options.left_out = found_files(options.folder, FOLDER)
    if by_name and options.left_out and not (options.gguf and is_installed()):
        raise ValueError(" ".join(options.left_out))
    for text in options.left_out:
        tell(text)
