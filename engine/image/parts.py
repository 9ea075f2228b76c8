"""Reads the parts of a pipeline into memory, in a thread of its own so that steps go on meanwhile.

Only safetensors, only local files, only the classes in `engine.pipeline_kinds`, never code from the folder.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from safetensors import SafetensorError

from engine.architectures import UnsupportedModel
from engine.device import is_out_of_memory
from engine.loaded import LoadFailed
from engine.pipelines import PipelineFolder

LOOK_SECONDS = 0.002
"""How long to wait for the reading thread before looking after the running steps again."""
IGNORED_TENSORS = ("position_ids",)
"""Found in old checkpoints; computed nowadays."""
NAMED_NOW = {"Transformer2DModel": "PixArtTransformer2DModel"}
"""How diffusers called a class when older checkpoints were saved."""
diffusers.utils.logging.set_verbosity_error()  # it would write what is cut off of people's prompts into the log
diffusers.utils.logging.disable_progress_bar()


@contextmanager
def failures_told() -> Iterator[None]:
    """What goes wrong with the files becomes LoadFailed, with a sentence."""
    try:
        yield
    except UnsupportedModel as error:
        raise LoadFailed(str(error)) from error
    except (OSError, ValueError, SafetensorError, RuntimeError, KeyError, TypeError) as error:
        if is_out_of_memory(error):
            raise
        raise LoadFailed(f"The model's files can't be read: {error}") from error


def read_parts(
    folder: Path, read: PipelineFolder, dtype: torch.dtype, device: torch.device
) -> Generator[None, None, dict[str, Any]]:
    """Yields while it reads; returns the parts by their names. Raises UnsupportedModel, and what the libraries do."""
    parts: dict[str, Any] = {}
    with ThreadPoolExecutor(1, thread_name_prefix="pipeline-parts") as executor:
        for part, name in read.parts.items():
            reading: Future[Any] = executor.submit(_read, folder / part, NAMED_NOW.get(name, name), dtype, device)
            while wait([reading], LOOK_SECONDS).not_done:
                yield
            parts[part] = reading.result()
    return parts


def _read(folder: Path, name: str, dtype: torch.dtype, device: torch.device) -> Any:
    """One part. A VAE stays in float32 where float16 would overflow in it."""
    told: dict[str, Any] = {"local_files_only": True}
    if hasattr(transformers, name):
        kind, told = getattr(transformers, name), {**told, "trust_remote_code": False}
    else:
        kind = getattr(diffusers, name)
    if not issubclass(kind, torch.nn.Module):
        return kind.from_pretrained(folder, **told)
    kept = torch.float32 if name == "AutoencoderKL" and dtype == torch.float16 else dtype
    told.pop("trust_remote_code", None)
    module, found = kind.from_pretrained(
        folder, torch_dtype=kept, use_safetensors=True, output_loading_info=True, **told
    )
    lost = [*found["missing_keys"], *found["mismatched_keys"]]
    extra = [key for key in found["unexpected_keys"] if not key.endswith(IGNORED_TENSORS)]
    if lost or extra:
        raise UnsupportedModel(
            f"The weights of {folder.name} are incomplete or don't fit: “{str((lost or extra)[0])[:120]}” "
            f"(and {len(lost) + len(extra) - 1} more)."
        )
    if kind.__module__.startswith("diffusers.") and not kind._keep_in_fp32_modules:
        _convert(module, kept)
    return module.eval().requires_grad_(False).to(device)


def _convert(module: torch.nn.Module, dtype: torch.dtype) -> None:
    """Without accelerate, diffusers leaves all weights in the files' format where their first tensor is a table that
    the model keeps in it, as that of Stable Diffusion 3's positions is in float32."""
    for parameter in module.parameters():
        parameter.data = parameter.data.to(dtype)
