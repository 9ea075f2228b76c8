"""Reads a model folder into memory, tensor by tensor, so that the engine thread can do other work in between.

Only safetensors, only local files, only the architectures in `engine.architectures`, never code from the folder.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import SafetensorError, safe_open
from tokenizers import Tokenizer

from engine.architectures import UnsupportedModel, check_config, context_length, is_own
from engine.config import EngineConfig
from engine.device import is_out_of_memory, pick_device, pick_dtype
from engine.loaded import LoadFailed
from engine.store.checks import read_json
from engine.store.errors import StoreError
from engine.store.safetensors import stored_numbers
from engine.text.attention.hook import IMPLEMENTATION
from engine.text.attention.shape import CacheShape
from engine.text.compatible.model import config_of, load_compatible, understood
from engine.text.families import Family, family_of
from engine.text.families.base import Piece
from engine.text.graphs.layers import Compiling, Graphs
from engine.text.linears import laid_out
from engine.text.packed.linear import refusal
from engine.weights import Weights

IGNORED_TENSORS = ("rotary_emb.inv_freq",)
"""Found in old checkpoints; computed from the config nowadays."""
NOT_ROUNDED = "Rounded weights are for the architectures that the engine's own cache serves; this one needs full ones."


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model ready to run, with what the engine has to know of it."""

    module: torch.nn.Module
    tokenizer: Tokenizer
    eos_ids: frozenset[int]
    context_length: int
    vocabulary: int
    shape: CacheShape
    dtype: torch.dtype
    device: torch.device
    is_own: bool = True
    """Whether the engine's own cache serves it; if not, the compatible lane does."""
    sees: bool = False
    """Whether its prompts may hold pictures."""
    graphs: Graphs | None = None
    """Its layers, compiled."""
    compiling: Compiling | None = None
    """Goes on while the model runs without, and returns them."""


def load_model(folder: Path, config: EngineConfig, weights: Weights = "full") -> Generator[None, None, LoadedModel]:
    """Yields after every piece of work (a tensor, mostly) and returns the model. Raises LoadFailed."""
    try:
        settings = read_json(folder / "config.json")
        architecture = check_config(settings)
        family, own = family_of(architecture), is_own(architecture)
        device = pick_device(config)
        dtype = pick_dtype(config, device)
        if weights != "full" and (wrong := refusal(device) if own else NOT_ROUNDED):
            raise LoadFailed(wrong)
        tokenizer = read_tokenizer(folder / "tokenizer.json")
        eos_ids = eos_ids_of(folder, settings, tokenizer)
        yield
        if own:
            module = yield from _load_own(folder, settings, family, dtype, device, weights)
        else:
            module = yield from load_compatible(folder, settings, dtype, device)
    except (UnsupportedModel, LoadFailed) as error:
        raise LoadFailed(str(error)) from error
    except (OSError, ValueError, SafetensorError, StoreError) as error:
        if is_out_of_memory(error):
            raise
        raise LoadFailed(f"The model's files can't be read: {error}") from error
    return LoadedModel(
        module=module,
        tokenizer=tokenizer,
        eos_ids=eos_ids,
        context_length=min(context_length(settings), config.max_context),
        vocabulary=settings["vocab_size"],
        shape=family.cache_shape(settings, dtype, device),
        dtype=dtype,
        device=device,
        is_own=own,
    )


def _load_own(
    folder: Path,
    settings: Mapping[str, Any],
    family: Family,
    dtype: torch.dtype,
    device: torch.device,
    weights: Weights,
) -> Generator[None, None, torch.nn.Module]:
    module = skeleton(settings, dtype, device)
    yield
    yield from _fill(module, folder, family, device)
    family.adapt(module)
    yield from laid_out(module, weights, dtype, device)
    return module


def skeleton(settings: Mapping[str, Any], dtype: torch.dtype, device: torch.device) -> torch.nn.Module:
    """The module of a config.json with its parameters on the meta device, where they take no memory."""
    config = config_of(settings)
    with understood():
        with torch.device("meta"):
            module = transformers.AutoModelForCausalLM.from_config(
                config, dtype=dtype, attn_implementation=IMPLEMENTATION, trust_remote_code=False
            )
        # Its frequencies are computed in the constructor, not loaded: make it again where numbers are real. On the
        # processor, as `from_pretrained` does: a GPU's powers differ in the last bit, and far positions multiply that.
        rotary = module.model.rotary_emb
        with torch.device("cpu"):
            module.model.rotary_emb = type(rotary)(config=config).to(device)
    assert isinstance(module, torch.nn.Module)
    return module.eval().requires_grad_(False)


def _fill(module: torch.nn.Module, folder: Path, family: Family, device: torch.device) -> Iterator[None]:
    checkpoint, empty = family.checkpoint(), _Empty(module, family.full_precision, device, stored_numbers(folder))
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="pt") as tensors:
            for name in tensors.keys():  # noqa: SIM118 - it has keys() only
                if name.endswith(IGNORED_TENSORS) or (name == "lm_head.weight" and not empty.has(name)):
                    continue  # a tied output layer that was saved all the same
                for piece in checkpoint.pieces(name, tensors.get_tensor(name)):
                    empty.fill(piece, file.name)
                yield
    module.tie_weights()  # type: ignore[operator]
    lost = [*empty.missing(), *filter(None, [checkpoint.left_over()])]
    lost += [name for name, buffer in module.named_buffers() if buffer.is_meta and name not in lost]
    if lost:
        raise LoadFailed(f"The weights are incomplete: “{lost[0]}” is missing (and {len(lost) - 1} more).")


class _Empty:
    """What of a module isn't filled yet."""

    def __init__(
        self, module: torch.nn.Module, full_precision: tuple[str, ...], device: torch.device, stored: int
    ) -> None:
        """stored: numbers that the files hold."""
        self._module, self._device, self._unclaimed = module, device, stored
        self._full_precision = full_precision
        buffers, kept = dict(module.named_buffers()), module.state_dict()
        self._expected: dict[str, torch.Tensor] = dict(module.named_parameters())  # a tied one under one name only
        self._expected |= {name: tensor for name, tensor in buffers.items() if name in kept}
        self._left = {name: tensor.numel() for name, tensor in self._expected.items()}

    def has(self, name: str) -> bool:
        return name in self._expected

    def missing(self) -> list[str]:
        return [name for name, left in self._left.items() if left]

    def fill(self, piece: Piece, file: str) -> None:
        """Raises LoadFailed where it doesn't fit, or was there before."""
        if piece.name not in self._expected:
            raise LoadFailed(f"{file} holds “{piece.name}”, which the architecture doesn't have.")
        expected = self._expected[piece.name]
        try:
            fits = expected[piece.part].shape == piece.tensor.shape
        except IndexError:
            fits = False
        if not fits or piece.tensor.numel() > self._left[piece.name]:
            raise LoadFailed(f"“{piece.name}” in {file} has the wrong shape, {tuple(piece.tensor.shape)}.")
        dtype = torch.float32 if piece.name.endswith(self._full_precision) else expected.dtype
        if not piece.part:
            self._put(piece.name, piece.tensor.to(device=self._device, dtype=dtype, copy=True))
        else:
            if expected.is_meta:
                self._claim(piece.name, expected.numel())
                self._put(piece.name, torch.empty(expected.shape, dtype=dtype, device=self._device))
            self._expected[piece.name][piece.part] = piece.tensor.to(device=self._device, dtype=dtype)
        self._left[piece.name] -= piece.tensor.numel()

    def _claim(self, name: str, numbers: int) -> None:
        """Before memory is taken for a parameter of which only a part has come. Raises LoadFailed."""
        self._unclaimed -= numbers
        if self._unclaimed < 0:
            raise LoadFailed(
                f"The weights are incomplete: “{name}” should have {numbers:,} numbers, more than the files hold."
            )

    def _put(self, name: str, tensor: torch.Tensor) -> None:
        *path, leaf = name.split(".")
        parent = self._module.get_submodule(".".join(path))
        if leaf in parent._buffers:
            parent._buffers[leaf] = tensor
        else:
            setattr(parent, leaf, torch.nn.Parameter(tensor, requires_grad=False))
        self._expected[name] = tensor


def eos_ids_of(folder: Path, settings: Mapping[str, Any], tokenizer: Tokenizer) -> frozenset[int]:
    """Where a completion ends: as the generation config says (the model config where there is none), and the
    tokenizer's own end token."""
    generation = read_json(folder / "generation_config.json") if (folder / "generation_config.json").is_file() else {}
    named = generation.get("eos_token_id", settings.get("eos_token_id"))
    ids = {one for one in (named if isinstance(named, list) else [named]) if isinstance(one, int)}
    if (folder / "tokenizer_config.json").is_file():
        token = read_json(folder / "tokenizer_config.json").get("eos_token")
        content = token.get("content") if isinstance(token, dict) else token
        known = tokenizer.token_to_id(content) if isinstance(content, str) else None
        ids |= set() if known is None else {known}
    return frozenset(ids)


def read_tokenizer(file: Path) -> Tokenizer:
    """Raises LoadFailed."""
    try:
        return Tokenizer.from_file(str(file))
    except Exception as error:  # tokenizers raises the bare class
        raise LoadFailed(f"{file.name} can't be read: {error}") from error
