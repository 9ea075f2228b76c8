"""Loads a model as transformers does, in a thread beside: safetensors only, local files only, no code of its own."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from engine.architectures import UnsupportedModel, check_config
from engine.device import is_out_of_memory
from engine.store.safetensors import stored_numbers

LOOK_SECONDS = 0.002
"""How long to wait for it before looking after the running sequences again."""
KNOWN = frozenset(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values())


def config_of(settings: Mapping[str, Any]) -> Any:
    """What transformers understands of a config.json. Raises UnsupportedModel."""
    architecture = check_config(settings)
    if architecture not in KNOWN:
        raise UnsupportedModel(f"transformers {transformers.__version__} has no architecture {architecture}.")
    kind = getattr(transformers, architecture).config_class
    with understood():
        return kind.from_dict({key: value for key, value in settings.items() if "implementation" not in key})


@contextmanager
def understood() -> Iterator[None]:
    """Raises UnsupportedModel in the place of what transformers says where it can't make sense of a config.json: errors
    of many classes, some its own."""
    try:
        yield
    except Exception as error:
        if is_out_of_memory(error):
            raise
        said = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise UnsupportedModel(f"transformers can't make a model of this config.json: {said}.") from error


def load_compatible(
    folder: Path, settings: Mapping[str, Any], dtype: torch.dtype, device: torch.device
) -> Generator[None, None, torch.nn.Module]:
    """Yields while it waits; returns the module. Raises UnsupportedModel where it is incomplete or can't be used, and
    whatever transformers raises."""
    with ThreadPoolExecutor(1, thread_name_prefix="compatible-load") as executor:
        loading = executor.submit(_loaded, folder, config_of(settings), dtype, device)
        while wait([loading], LOOK_SECONDS).not_done:
            yield
    return loading.result()


def _loaded(folder: Path, config: Any, dtype: torch.dtype, device: torch.device) -> torch.nn.Module:
    _check_size(folder, config, dtype)
    module, told = transformers.AutoModelForCausalLM.from_pretrained(
        folder,
        config=config,
        dtype=dtype,
        local_files_only=True,
        trust_remote_code=False,
        use_safetensors=True,
        output_loading_info=True,
        ignore_mismatched_sizes=True,  # told below
    )
    if missing := sorted(told["missing_keys"]):
        raise UnsupportedModel(f"The weights are incomplete: “{missing[0]}” is missing (and {len(missing) - 1} more).")
    if other := sorted(told["mismatched_keys"]):
        raise UnsupportedModel(f"The weights don't fit: “{other[0][0]}” has another shape than config.json asks for.")
    module = module.to(device).eval().requires_grad_(False)
    _try(module, device)
    assert isinstance(module, torch.nn.Module)
    return module


def _check_size(folder: Path, config: Any, dtype: torch.dtype) -> None:
    """Raises UnsupportedModel where more numbers are asked for than the files hold: transformers would make up the
    rest, however much memory that took."""
    with understood(), torch.device("meta"):
        module = transformers.AutoModelForCausalLM.from_config(config, dtype=dtype, trust_remote_code=False)
    module.tie_weights()
    wanted, stored = sum(one.numel() for one in module.parameters()), stored_numbers(folder)
    if wanted > stored:
        raise UnsupportedModel(
            f"The weights are incomplete: config.json asks for {wanted:,} numbers, and the files hold {stored:,}."
        )


def _try(module: Any, device: torch.device) -> None:
    """Whether it keeps what it has read in a cache that can be handed back to it, as the lane does."""
    with torch.inference_mode():
        output = module(input_ids=torch.zeros(1, 1, dtype=torch.long, device=device), use_cache=True)
    if getattr(output, "past_key_values", None) is None:
        raise UnsupportedModel(f"{type(module).__name__} keeps its state in a way that can't be served here.")
