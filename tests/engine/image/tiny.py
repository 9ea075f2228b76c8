"""Tiny random pipelines, one of each family, made on the spot: pictures of 32 × 32 in a few milliseconds a step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from tokenizers.pre_tokenizers import ByteLevel
from transformers import CLIPTokenizer, T5TokenizerFast

from tests.engine.image.drawing import SIDE

CLIP = {
    "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
    "max_position_embeddings": 77, "projection_dim": 32, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1,
}  # fmt: skip
FAMILIES = ("stable-diffusion", "stable-diffusion-xl", "stable-diffusion-3", "flux")


def make_pipeline(folder: Path, family: str, *, seed: int = 0) -> Path:
    torch.manual_seed(seed)
    parts = MAKERS[family]()
    if family == "stable-diffusion":
        parts |= {"safety_checker": None, "feature_extractor": None}
    return save_pipeline(folder, parts)


def save_pipeline(folder: Path, parts: dict[str, Any]) -> Path:
    """parts: by name, and the pipeline's class as `kind`."""
    for part in parts.values():
        if isinstance(part, torch.nn.Module):
            part.eval()
    kind = parts.pop("kind")
    getattr(diffusers, kind)(**parts).save_pretrained(folder)
    return folder


def make_consistency(folder: Path, family: str) -> Path:
    """A consistency model: its U-Net takes guidance as an input."""
    torch.manual_seed(0)
    parts = MAKERS[family]()
    parts |= {"unet": unet(**told_of(parts["unet"]), time_cond_proj_dim=16)}
    parts |= {"scheduler": diffusers.LCMScheduler.from_config(parts["scheduler"].config)}
    if family == "stable-diffusion":
        parts |= {"kind": "LatentConsistencyModelPipeline", "safety_checker": None, "feature_extractor": None}
    return save_pipeline(folder, parts)


def told_of(network: Any) -> dict[str, Any]:
    """What `unet` was told."""
    names = ("addition_embed_type", "addition_time_embed_dim", "projection_class_embeddings_input_dim")
    return {name: network.config[name] for name in ("cross_attention_dim", *names)}


def clip_tokenizer() -> CLIPTokenizer:
    letters = sorted(ByteLevel.alphabet())
    pieces = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{letter}</w>" for letter in letters)]
    vocabulary = {piece: place for place, piece in enumerate(pieces)}
    return CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=77)


def t5_tokenizer() -> T5TokenizerFast:
    pieces = [
        ("<pad>", 0.0),
        ("</s>", 0.0),
        ("<unk>", 0.0),
        ("▁", -2.0),
        *((chr(code), -3.0) for code in range(33, 127)),
    ]
    return T5TokenizerFast(vocab=pieces, extra_ids=0, model_max_length=77)


def clip(kind: str) -> Any:
    config = transformers.CLIPTextConfig(vocab_size=len(clip_tokenizer()), **CLIP)
    return getattr(transformers, kind)(config)


def t5_of(width: int) -> Any:
    return transformers.T5EncoderModel(
        transformers.T5Config(
            vocab_size=len(t5_tokenizer()), d_model=width, d_kv=8, d_ff=64, num_layers=2, num_heads=4,
            decoder_start_token_id=0,
        )
    )  # fmt: skip


def vae(channels: int, **more: Any) -> Any:
    return diffusers.AutoencoderKL(
        block_out_channels=(8, 8), norm_num_groups=4, latent_channels=channels, sample_size=SIDE,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2, **more,
    )  # fmt: skip


def unet(**more: Any) -> Any:
    return diffusers.UNet2DConditionModel(
        sample_size=SIDE // 2, in_channels=4, out_channels=4, layers_per_block=1, block_out_channels=(8, 16),
        norm_num_groups=4, attention_head_dim=4, down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"), **more,
    )  # fmt: skip


def stable_diffusion() -> dict[str, Any]:
    return {
        "kind": "StableDiffusionPipeline",
        "unet": unet(cross_attention_dim=32),
        "vae": vae(4),
        "scheduler": diffusers.DDIMScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            clip_sample=False,
            set_alpha_to_one=False,
            steps_offset=1,
        ),
        "text_encoder": clip("CLIPTextModel"),
        "tokenizer": clip_tokenizer(),
    }


def stable_diffusion_xl() -> dict[str, Any]:
    return {
        "kind": "StableDiffusionXLPipeline",
        "unet": unet(
            cross_attention_dim=64, addition_embed_type="text_time", addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=32 + 6 * 8,
        ),
        "vae": vae(4),
        "scheduler": diffusers.EulerDiscreteScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear",
            steps_offset=1, timestep_spacing="leading"
        ),
        "text_encoder": clip("CLIPTextModel"),
        "tokenizer": clip_tokenizer(),
        "text_encoder_2": clip("CLIPTextModelWithProjection"),
        "tokenizer_2": clip_tokenizer(),
    }  # fmt: skip


def stable_diffusion_3() -> dict[str, Any]:
    return {
        "kind": "StableDiffusion3Pipeline",
        "transformer": diffusers.SD3Transformer2DModel(
            sample_size=SIDE // 2, patch_size=2, in_channels=16, num_layers=1, attention_head_dim=8,
            num_attention_heads=4, joint_attention_dim=64, caption_projection_dim=32, pooled_projection_dim=64,
            out_channels=16, pos_embed_max_size=32,
        ),
        "vae": vae(16, shift_factor=0.06, use_quant_conv=False, use_post_quant_conv=False),
        "scheduler": diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0),
        "text_encoder": clip("CLIPTextModelWithProjection"),
        "tokenizer": clip_tokenizer(),
        "text_encoder_2": clip("CLIPTextModelWithProjection"),
        "tokenizer_2": clip_tokenizer(),
        "text_encoder_3": t5_of(64),
        "tokenizer_3": t5_tokenizer(),
    }  # fmt: skip


def flux() -> dict[str, Any]:
    return {
        "kind": "FluxPipeline",
        "transformer": diffusers.FluxTransformer2DModel(
            patch_size=1, in_channels=16, num_layers=1, num_single_layers=1, attention_head_dim=16,
            num_attention_heads=2, joint_attention_dim=32, pooled_projection_dim=32, axes_dims_rope=(4, 4, 8),
            guidance_embeds=True,
        ),
        "vae": vae(4, shift_factor=0.06, use_quant_conv=False, use_post_quant_conv=False),
        "scheduler": diffusers.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, shift=3.0),
        "text_encoder": clip("CLIPTextModel"),
        "tokenizer": clip_tokenizer(),
        "text_encoder_2": t5_of(32),
        "tokenizer_2": t5_tokenizer(),
    }  # fmt: skip


MAKERS = {
    "stable-diffusion": stable_diffusion,
    "stable-diffusion-xl": stable_diffusion_xl,
    "stable-diffusion-3": stable_diffusion_3,
    "flux": flux,
}
