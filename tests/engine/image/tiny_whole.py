"""Tiny random pipelines of the compatible lane, made on the spot like those of `tiny`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers

from tests.engine.image.tiny import SIDE, save_pipeline, t5_of, t5_tokenizer, vae

SIDES = {"pixart-alpha": SIDE, "pixart-sigma": SIDE, "sana": 64, "auraflow": SIDE, "lumina-2": SIDE}
"""Pixels a side, by family."""


def make_whole(folder: Path, family: str) -> Path:
    torch.manual_seed(0)
    return save_pipeline(folder, MAKERS[family]())


def gemma_tokenizer(kind: str = "GemmaTokenizer") -> Any:
    pieces = ["<pad>", "<eos>", "<bos>", "<unk>", "▁", *(chr(code) for code in range(33, 127))]
    return getattr(transformers, kind)(
        vocab={piece: place for place, piece in enumerate(pieces)}, merges=[],
        pad_token="<pad>", eos_token="<eos>", bos_token="<bos>", unk_token="<unk>",
    )  # fmt: skip


def gemma() -> Any:
    return transformers.Gemma2Model(
        transformers.Gemma2Config(
            vocab_size=len(gemma_tokenizer()), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
            num_attention_heads=2, num_key_value_heads=1, head_dim=16,
        )
    )  # fmt: skip


def pixart(kind: str) -> dict[str, Any]:
    return {
        "kind": kind,
        "transformer": diffusers.PixArtTransformer2DModel(
            sample_size=SIDE // 2, num_layers=1, patch_size=2, attention_head_dim=8, num_attention_heads=2,
            caption_channels=32, in_channels=4, out_channels=8, cross_attention_dim=16, norm_num_groups=4,
            use_additional_conditions=False,
        ),
        "vae": vae(4),
        "scheduler": diffusers.DPMSolverMultistepScheduler(beta_schedule="linear"),
        "text_encoder": t5_of(32),
        "tokenizer": t5_tokenizer(),
    }  # fmt: skip


def sana() -> dict[str, Any]:
    layers = (1,) * 6
    return {
        "kind": "SanaPipeline",
        "transformer": diffusers.SanaTransformer2DModel(
            sample_size=2, in_channels=4, out_channels=4, num_layers=1, num_attention_heads=2, attention_head_dim=8,
            num_cross_attention_heads=2, cross_attention_head_dim=8, cross_attention_dim=16, caption_channels=32,
        ),
        "vae": diffusers.AutoencoderDC(
            latent_channels=4, attention_head_dim=2, encoder_block_out_channels=(8,) * 6,
            decoder_block_out_channels=(8,) * 6, encoder_layers_per_block=layers, decoder_layers_per_block=layers,
            encoder_qkv_multiscales=((),) * 6, decoder_qkv_multiscales=((),) * 6, scaling_factor=0.41,
            encoder_block_types="ResBlock", decoder_block_types="ResBlock",
        ),
        "scheduler": diffusers.DPMSolverMultistepScheduler(
            prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0
        ),
        "text_encoder": gemma(),
        "tokenizer": gemma_tokenizer(),
    }  # fmt: skip


def auraflow() -> dict[str, Any]:
    tokenizer = gemma_tokenizer("LlamaTokenizer")
    return {
        "kind": "AuraFlowPipeline",
        "transformer": diffusers.AuraFlowTransformer2DModel(
            sample_size=SIDE // 2, patch_size=2, in_channels=4, out_channels=4, num_mmdit_layers=1,
            num_single_dit_layers=1, attention_head_dim=8, num_attention_heads=2, joint_attention_dim=32,
            caption_projection_dim=16, pos_embed_max_size=144,
        ),
        "vae": vae(4),
        "scheduler": diffusers.FlowMatchEulerDiscreteScheduler(shift=1.73),
        "text_encoder": transformers.UMT5EncoderModel(
            transformers.UMT5Config(
                vocab_size=len(tokenizer), d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4,
            )
        ),
        "tokenizer": tokenizer,
    }  # fmt: skip


def lumina_2() -> dict[str, Any]:
    return {
        "kind": "Lumina2Pipeline",
        "transformer": diffusers.Lumina2Transformer2DModel(
            sample_size=SIDE // 8, patch_size=2, in_channels=4, hidden_size=16, num_layers=1, num_refiner_layers=1,
            num_attention_heads=2, num_kv_heads=1, multiple_of=16, axes_dim_rope=(4, 2, 2), axes_lens=(300, 32, 32),
            cap_feat_dim=32,
        ),
        "vae": diffusers.AutoencoderKL(
            block_out_channels=(4,) * 4, norm_num_groups=2, latent_channels=4, shift_factor=0.1,
            down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
            use_quant_conv=False, use_post_quant_conv=False,
        ),
        "scheduler": diffusers.FlowMatchEulerDiscreteScheduler(shift=6.0),
        "text_encoder": gemma(),
        "tokenizer": gemma_tokenizer(),
    }  # fmt: skip


MAKERS = {
    "pixart-alpha": lambda: pixart("PixArtAlphaPipeline"),
    "pixart-sigma": lambda: pixart("PixArtSigmaPipeline"),
    "sana": sana,
    "auraflow": auraflow,
    "lumina-2": lumina_2,
}
