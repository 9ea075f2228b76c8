"""Small folders that look like Stable Diffusion pipelines, made without torch, for tests of store and catalogue."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.engine.model_folders import CARD, safetensors

INDEX = {
    "_class_name": "StableDiffusionPipeline",
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
    "scheduler": ["diffusers", "DDIMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "safety_checker": [None, None],
    "requires_safety_checker": False,
}
CONFIGS: dict[str, dict[str, Any]] = {
    "unet/config.json": {"in_channels": 4, "sample_size": 16},
    "vae/config.json": {"latent_channels": 4, "block_out_channels": [8, 8, 8]},
    "scheduler/scheduler_config.json": {},
    "text_encoder/config.json": {"max_position_embeddings": 16},
    "tokenizer/tokenizer_config.json": {},
    "tokenizer/tokenizer.json": {},
}
WEIGHTS = (
    "unet/diffusion_pytorch_model.safetensors",
    "vae/diffusion_pytorch_model.safetensors",
    "text_encoder/model.safetensors",
)


def make_pipeline_folder(folder: Path) -> Path:
    """64 × 64 pixels; accepted by the store, though nothing could be drawn with it."""
    for name, content in {"model_index.json": INDEX, **CONFIGS}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(content))
    for name in WEIGHTS:
        (folder / name).write_bytes(safetensors())
    (folder / "README.md").write_text(CARD)
    return folder
