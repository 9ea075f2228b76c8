"""Reads a Janus into memory as transformers does, in a thread beside: safetensors only, local files only, no code of
its own."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import SafetensorError

from engine.architectures import UnsupportedModel
from engine.chat import ChatError, ChatFormat
from engine.config import EngineConfig
from engine.device import is_out_of_memory, pick_device, pick_dtype
from engine.janus.folder import JanusFolder, read_janus
from engine.janus.model import LoadedJanus
from engine.janus.prompts import Marks
from engine.loaded import LoadFailed
from engine.text.attention.shape import CacheShape
from engine.text.loader import LoadedModel, eos_ids_of, read_tokenizer

LOOK_SECONDS = 0.002
"""How long to wait for the reading thread before looking after the running steps again."""
NO_TEMPLATE = "It has no chat template, without which a Janus can't be told what to draw."


def load_janus(folder: Path, config: EngineConfig) -> Generator[None, None, LoadedJanus]:
    """Yields while it reads. Raises LoadFailed."""
    try:
        read = read_janus(folder)
        device = pick_device(config)
        dtype = pick_dtype(config, device)
        with ThreadPoolExecutor(1, thread_name_prefix="janus-load") as executor:
            loading = executor.submit(_loaded, folder, read, config, dtype, device)
            while wait([loading], LOOK_SECONDS).not_done:
                yield
        return loading.result()
    except (UnsupportedModel, ChatError) as error:
        raise LoadFailed(str(error)) from error
    except (OSError, ValueError, SafetensorError, RuntimeError, KeyError, TypeError, AttributeError) as error:
        if is_out_of_memory(error):
            raise
        raise LoadFailed(f"The model's files can't be read: {error}") from error


def config_of(read: JanusFolder) -> Any:
    """What transformers understands of its config.json."""
    return transformers.JanusConfig.from_dict(
        {key: value for key, value in read.settings.items() if "implementation" not in key}
    )


def cache_shape(config: Any, dtype: torch.dtype, device: torch.device) -> CacheShape:
    """config: transformers' JanusConfig."""
    text = config.text_config
    width = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    return CacheShape(
        layers=text.num_hidden_layers, query_heads=text.num_attention_heads,
        kv_heads=text.num_key_value_heads or text.num_attention_heads, key_dim=width, value_dim=width,
        dtype=dtype, device=device,
    )  # fmt: skip


def _loaded(
    folder: Path, read: JanusFolder, engine: EngineConfig, dtype: torch.dtype, device: torch.device
) -> LoadedJanus:
    config, chat = config_of(read), ChatFormat.load(folder)
    if not chat.has_template:
        raise UnsupportedModel(NO_TEMPLATE)
    processor = transformers.JanusProcessor.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    tokenizer = read_tokenizer(folder / "tokenizer.json")
    text = LoadedModel(
        module=_module(folder, config, dtype, device),
        tokenizer=tokenizer,
        eos_ids=eos_ids_of(folder, read.settings["text_config"], tokenizer),
        context_length=min(read.context_length, engine.max_context),
        vocabulary=config.text_config.vocab_size,
        shape=cache_shape(config, dtype, device),
        dtype=dtype,
        device=device,
        is_own=False,
        sees=True,
    )
    marks = _marks(processor.tokenizer, config.image_token_id)
    return LoadedJanus(text, read.facts, read.sampling, chat, marks, processor.image_processor)


def _module(folder: Path, config: Any, dtype: torch.dtype, device: torch.device) -> torch.nn.Module:
    module, found = transformers.JanusForConditionalGeneration.from_pretrained(
        folder, config=config, dtype=dtype, local_files_only=True, trust_remote_code=False, use_safetensors=True,
        output_loading_info=True,
    )  # fmt: skip
    if lost := sorted(map(str, (*found["missing_keys"], *found["mismatched_keys"]))):
        raise UnsupportedModel(
            f"The weights are incomplete or don't fit: “{lost[0][:120]}” (and {len(lost) - 1} more)."
        )
    ready = module.to(device).eval().requires_grad_(False)
    assert isinstance(ready, torch.nn.Module)
    return ready


def _marks(tokenizer: Any, image: int) -> Marks:
    names = {"bos": "bos_token_id", "pad": "pad_token_id", "begin": "boi_token_id", "end": "eoi_token_id"}
    found: dict[str, int] = {}
    for name, attribute in names.items():
        value = getattr(tokenizer, attribute, None)
        if not isinstance(value, int):
            raise UnsupportedModel(f"The tokenizer doesn't say which token is its {attribute.removesuffix('_id')}.")
        found[name] = value
    return Marks(image=image, **found)
