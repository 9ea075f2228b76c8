"""A training's results as a folder that diffusers' StableDiffusionPipeline opens."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path

import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline
from transformers import CLIPTokenizer

from engine.training.diffusion import Painter, build_scheduler


def save_pipeline(painter: Painter, autoencoder: AutoencoderKL, tokenizer: CLIPTokenizer, folder: Path) -> None:
    """As float16 safetensors, put in place at once; the modules given stay as they are."""
    new = folder.with_name(folder.name + ".new")
    shutil.rmtree(new, ignore_errors=True)
    pipeline = StableDiffusionPipeline(
        vae=_half(autoencoder),
        text_encoder=_half(painter.text_encoder),
        tokenizer=tokenizer,
        unet=_half(painter.unet),
        scheduler=build_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(new, safe_serialization=True)
    shutil.rmtree(folder, ignore_errors=True)
    new.rename(folder)


def _half(module: torch.nn.Module) -> torch.nn.Module:
    """A copy in float16, in the machine's own memory: the module may have to learn on."""
    return copy.deepcopy(module).half().cpu().eval()
