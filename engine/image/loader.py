"""Reads the folder of a pipeline into memory, part by part, in a thread of its own so that steps go on meanwhile.

Only safetensors, only local files, only the classes in `engine.pipelines`, never code from the folder.
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from safetensors import SafetensorError

from engine.architectures import UnsupportedModel
from engine.config import EngineConfig
from engine.device import is_out_of_memory, pick_device, pick_dtype
from engine.image.families import FAMILIES, Family
from engine.image.preview import Previewer
from engine.loaded import LoadFailed
from engine.pipelines import PipelineFolder, read_pipeline
from engine.types import ImageFacts

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.002
"""How long to wait for the reading thread before looking after the running steps again."""
IGNORED_TENSORS = ("position_ids",)
"""Found in old checkpoints; computed nowadays."""
diffusers.utils.logging.set_verbosity_error()  # it would write what is cut off of people's prompts into the log
diffusers.utils.logging.disable_progress_bar()


@dataclass(frozen=True, slots=True)
class LoadedPipeline:
    """A pipeline ready to run."""

    family: Family
    facts: ImageFacts
    previewer: Previewer
    dtype: torch.dtype
    device: torch.device


def load_pipeline(folder: Path, config: EngineConfig) -> Generator[None, None, LoadedPipeline]:
    """Yields while it reads. Raises LoadFailed."""
    try:
        read = read_pipeline(folder)
        device = pick_device(config)
        dtype = pick_dtype(config, device)
        parts: dict[str, Any] = {}
        with ThreadPoolExecutor(1, thread_name_prefix="pipeline-parts") as executor:
            for part, name in read.parts.items():
                reading: Future[Any] = executor.submit(_read, folder / part, name, dtype, device)
                while wait([reading], LOOK_SECONDS).not_done:
                    yield
                parts[part] = reading.result()
        family = _family(read, parts, device, dtype)
        yield
        return LoadedPipeline(family, read.facts, Previewer(family), dtype, device)
    except UnsupportedModel as error:
        raise LoadFailed(str(error)) from error
    except (OSError, ValueError, SafetensorError, RuntimeError, KeyError, TypeError) as error:
        if is_out_of_memory(error):
            raise
        raise LoadFailed(f"The model's files can't be read: {error}") from error


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
    return module.eval().requires_grad_(False).to(device)


def _family(read: PipelineFolder, parts: dict[str, Any], device: torch.device, dtype: torch.dtype) -> Family:
    missing = dict.fromkeys(read.kind.optional - set(parts))
    more = {"safety_checker": None, "feature_extractor": None} if read.kind.family == "stable-diffusion" else {}
    pipeline = getattr(diffusers, read.kind.pipeline)(**parts, **missing, **more)
    return FAMILIES[read.kind.family](pipeline, device, dtype)
