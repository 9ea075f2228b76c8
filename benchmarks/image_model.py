"""Pipelines of random weights, for measuring where no model is at hand.

A Stable Diffusion of about 20 million, 64 × 64 pixels; and one in the shape of Stable Diffusion XL: its network of 2.6
billion weights, its VAE, and text encoders of its widths with two layers each.
"""

from __future__ import annotations

from pathlib import Path

import diffusers
import torch
from tokenizers.pre_tokenizers import ByteLevel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

WORDS, WIDTH = 32, 192
XL_WORDS, XL_WIDTHS, LAYERS = 77, (768, 1280), 2
NOISE = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1}


def make_model(folder: Path) -> Path:
    torch.manual_seed(0)
    text_encoder = CLIPTextModel(_text_config(WIDTH, words=WORDS, heads=4))
    unet = diffusers.UNet2DConditionModel(
        sample_size=16, in_channels=4, out_channels=4, layers_per_block=1, block_out_channels=(80, 160, 256),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"), cross_attention_dim=WIDTH,
        attention_head_dim=4, norm_num_groups=16,
    )  # fmt: skip
    vae = diffusers.AutoencoderKL(
        block_out_channels=(32, 64, 128), down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3, latent_channels=4, layers_per_block=1, norm_num_groups=16,
        sample_size=64,
    )  # fmt: skip
    diffusers.StableDiffusionPipeline(
        vae=vae.eval(), text_encoder=text_encoder.eval(), tokenizer=_tokenizer(WORDS), unet=unet.eval(),
        scheduler=diffusers.DDIMScheduler(**NOISE, clip_sample=False, set_alpha_to_one=False), safety_checker=None,
        feature_extractor=None, requires_safety_checker=False,
    ).save_pretrained(folder)  # fmt: skip
    return folder


def make_xl(folder: Path, device: torch.device, dtype: torch.dtype) -> Path:
    """device: where the weights are drawn, which takes a processor minutes. 5.5 GB in a format of two bytes."""
    torch.manual_seed(0)
    narrow, wide = (_text_config(width, words=XL_WORDS, heads=width // 64) for width in XL_WIDTHS)
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with device:
            unet, vae = _xl_network(), _xl_vae()
            text_encoder, text_encoder_2 = CLIPTextModel(narrow), CLIPTextModelWithProjection(wide)
    finally:
        torch.set_default_dtype(before)
    diffusers.StableDiffusionXLPipeline(
        vae=vae.eval(), text_encoder=text_encoder.eval(), text_encoder_2=text_encoder_2.eval(),
        tokenizer=_tokenizer(XL_WORDS), tokenizer_2=_tokenizer(XL_WORDS), unet=unet.eval(),
        scheduler=diffusers.EulerDiscreteScheduler(**NOISE, timestep_spacing="leading"), add_watermarker=False,
    ).save_pretrained(folder)  # fmt: skip
    return folder


def _xl_network() -> diffusers.UNet2DConditionModel:
    return diffusers.UNet2DConditionModel(
        sample_size=128, in_channels=4, out_channels=4, layers_per_block=2, block_out_channels=(320, 640, 1280),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=(1, 2, 10), attention_head_dim=(5, 10, 20), cross_attention_dim=sum(XL_WIDTHS),
        use_linear_projection=True, addition_embed_type="text_time", addition_time_embed_dim=256,
        projection_class_embeddings_input_dim=XL_WIDTHS[1] + 6 * 256,
    )  # fmt: skip


def _xl_vae() -> diffusers.AutoencoderKL:
    return diffusers.AutoencoderKL(
        block_out_channels=(128, 256, 512, 512), down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4, latent_channels=4, layers_per_block=2, sample_size=1024,
        scaling_factor=0.13025,
    )  # fmt: skip


def _text_config(width: int, *, words: int, heads: int) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=len(_pieces()), hidden_size=width, intermediate_size=2 * width, num_hidden_layers=LAYERS,
        num_attention_heads=heads, max_position_embeddings=words, projection_dim=width, bos_token_id=0,
        eos_token_id=1, pad_token_id=1,
    )  # fmt: skip


def _tokenizer(words: int) -> CLIPTokenizer:
    return CLIPTokenizer(
        vocab={piece: place for place, piece in enumerate(_pieces())}, merges=[], model_max_length=words
    )


def _pieces() -> list[str]:
    letters = sorted(ByteLevel.alphabet())
    return ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{letter}</w>" for letter in letters)]
