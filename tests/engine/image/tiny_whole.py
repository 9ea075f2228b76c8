"""Tiny random pipelines of the compatible lane, made on the spot like those of `tiny`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.processors import TemplateProcessing

from tests.engine.image.tiny import SIDE, save_pipeline, t5_of, t5_tokenizer, vae

MADE_FOR = {"qwen-image": 2 * 166, "z-image": 256, "chroma": 256, "flux-2-klein": 256, "ovis-image": 256}
"""Pixels a side by the facts of those whose network's config has no size: the family's latents, of two pixels each."""


def make_whole(folder: Path, family: str) -> Path:
    torch.manual_seed(0)
    return save_pipeline(folder, MAKERS[family]())


def gemma_tokenizer(kind: str = "GemmaTokenizer") -> Any:
    pieces = ["<pad>", "<eos>", "<bos>", "<unk>", "▁", *(chr(code) for code in range(33, 127))]
    made = getattr(transformers, kind)(
        vocab={piece: place for place, piece in enumerate(pieces)}, merges=[],
        pad_token="<pad>", eos_token="<eos>", bos_token="<bos>", unk_token="<unk>",
    )  # fmt: skip
    begin_with(made.backend_tokenizer, "<bos>")
    return made


def begin_with(tokenizer: Any, token: str) -> None:
    """So that there is something to encode in an empty text too."""
    tokenizer.post_processor = TemplateProcessing(
        single=f"{token} $A", special_tokens=[(token, tokenizer.token_to_id(token))]
    )


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


def sana(**more: Any) -> dict[str, Any]:
    layers = (1,) * 6
    return {
        "kind": "SanaPipeline",
        "transformer": diffusers.SanaTransformer2DModel(
            sample_size=2, in_channels=4, out_channels=4, num_layers=1, num_attention_heads=2, attention_head_dim=8,
            num_cross_attention_heads=2, cross_attention_head_dim=8, cross_attention_dim=16, caption_channels=32,
            **more,
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


def sana_sprint() -> dict[str, Any]:
    more = {"guidance_embeds": True, "guidance_embeds_scale": 0.1, "qk_norm": "rms_norm_across_heads"}
    return sana(**more) | {"kind": "SanaSprintPipeline", "scheduler": diffusers.SCMScheduler()}


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


CHAT = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% if not enable_thinking %}<think></think>{% endif %}"
    "{% endif %}"
)


def qwen_tokenizer() -> Any:
    pieces = [*sorted(ByteLevel.alphabet()), "<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    made = transformers.Qwen2Tokenizer(vocab={piece: place for place, piece in enumerate(pieces)}, merges=[])
    made.add_special_tokens({"additional_special_tokens": pieces[-2:]})
    made.chat_template = CHAT
    return made


def qwen_3(kind: str, layers: int = 3) -> Any:
    return getattr(transformers, kind)(
        transformers.Qwen3Config(
            vocab_size=len(qwen_tokenizer()), hidden_size=16, intermediate_size=32, num_hidden_layers=layers,
            num_attention_heads=2, num_key_value_heads=1, head_dim=8,
        )
    )  # fmt: skip


def vae_of_8() -> Any:
    """Of eight pixels a side."""
    return diffusers.AutoencoderKL(
        block_out_channels=(4,) * 4, norm_num_groups=2, latent_channels=4, shift_factor=0.1,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
        use_quant_conv=False, use_post_quant_conv=False,
    )  # fmt: skip


def qwen_image() -> dict[str, Any]:
    return {
        "kind": "QwenImagePipeline",
        "transformer": diffusers.QwenImageTransformer2DModel(
            in_channels=16, out_channels=4, num_layers=1, attention_head_dim=8, num_attention_heads=2,
            joint_attention_dim=16, axes_dims_rope=(2, 2, 4),
        ),
        "vae": diffusers.AutoencoderKLQwenImage(
            base_dim=4, z_dim=4, dim_mult=[1, 2], num_res_blocks=1, temperal_downsample=[False],
            latents_mean=[0.1, -0.2, 0.3, 0.0], latents_std=[1.0, 2.0, 0.5, 1.5],
        ),
        "scheduler": diffusers.FlowMatchEulerDiscreteScheduler(
            use_dynamic_shifting=True, max_shift=0.9, max_image_seq_len=8192, shift_terminal=0.02
        ),
        "text_encoder": transformers.Qwen2_5_VLForConditionalGeneration(
            transformers.Qwen2_5_VLConfig(
                text_config={
                    "vocab_size": len(qwen_tokenizer()), "hidden_size": 16, "intermediate_size": 32,
                    "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1,
                    "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [1, 1, 2]},
                },
                vision_config={
                    "depth": 1, "hidden_size": 16, "intermediate_size": 32, "num_heads": 2, "out_hidden_size": 16,
                    "fullatt_block_indexes": [0],
                },
            )
        ),
        "tokenizer": qwen_tokenizer(),
    }  # fmt: skip


def z_image() -> dict[str, Any]:
    return {
        "kind": "ZImagePipeline",
        "transformer": diffusers.ZImageTransformer2DModel(
            in_channels=4, dim=16, n_layers=1, n_refiner_layers=1, n_heads=2, n_kv_heads=2, cap_feat_dim=16,
            axes_dims=[4, 2, 2], axes_lens=[640, 80, 96],
        ),
        "vae": vae(4, shift_factor=0.1, use_quant_conv=False, use_post_quant_conv=False),
        "scheduler": diffusers.FlowMatchEulerDiscreteScheduler(shift=6.0),
        "text_encoder": qwen_3("Qwen3Model"),
        "tokenizer": qwen_tokenizer(),
    }  # fmt: skip


def chroma() -> dict[str, Any]:
    return {
        "kind": "ChromaPipeline",
        "transformer": diffusers.ChromaTransformer2DModel(
            in_channels=16, num_layers=1, num_single_layers=1, attention_head_dim=8, num_attention_heads=2,
            joint_attention_dim=32, axes_dims_rope=(2, 2, 4), approximator_num_channels=8,
            approximator_hidden_dim=16, approximator_layers=1,
        ),
        "vae": vae(4, shift_factor=0.1, use_quant_conv=False, use_post_quant_conv=False),
        "scheduler": diffusers.FlowMatchEulerDiscreteScheduler(use_beta_sigmas=False),
        "text_encoder": t5_of(32),
        "tokenizer": t5_tokenizer(),
    }  # fmt: skip


def flux_2_klein(*, is_distilled: bool = False) -> dict[str, Any]:
    return {
        "kind": "Flux2KleinPipeline",
        "is_distilled": is_distilled,
        "transformer": diffusers.Flux2Transformer2DModel(
            in_channels=16, num_layers=1, num_single_layers=1, attention_head_dim=8, num_attention_heads=2,
            joint_attention_dim=3 * 16, timestep_guidance_channels=16, axes_dims_rope=(2, 2, 2, 2),
            guidance_embeds=False,
        ),
        "vae": _flux_2_vae(),
        "scheduler": diffusers.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, shift=3.0),
        "text_encoder": qwen_3("Qwen3ForCausalLM", layers=28),
        "tokenizer": qwen_tokenizer(),
    }  # fmt: skip


def _flux_2_vae() -> Any:
    made = diffusers.AutoencoderKLFlux2(
        block_out_channels=(8, 8), norm_num_groups=4, latent_channels=4, sample_size=SIDE,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
    )  # fmt: skip
    made.bn.running_mean += torch.linspace(-0.5, 0.5, 16)
    made.bn.running_var *= torch.linspace(0.5, 2.0, 16)
    return made


def cogview_3_plus() -> dict[str, Any]:
    return {
        "kind": "CogView3PlusPipeline",
        "transformer": diffusers.CogView3PlusTransformer2DModel(
            in_channels=4, out_channels=4, num_layers=1, attention_head_dim=8, num_attention_heads=2,
            text_embed_dim=32, time_embed_dim=8, condition_dim=4, pos_embed_max_size=8, sample_size=SIDE // 8,
        ),
        "vae": vae_of_8(),
        "scheduler": diffusers.CogVideoXDDIMScheduler(
            prediction_type="v_prediction", rescale_betas_zero_snr=True, snr_shift_scale=4.0,
            timestep_spacing="trailing",
        ),
        "text_encoder": t5_of(32),
        "tokenizer": t5_tokenizer(),
    }  # fmt: skip


def cogview_4() -> dict[str, Any]:
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=qwen_tokenizer().backend_tokenizer, pad_token="<|endoftext|>", eos_token="<|endoftext|>"
    )
    begin_with(tokenizer.backend_tokenizer, "<|im_start|>")
    return {
        "kind": "CogView4Pipeline",
        "transformer": diffusers.CogView4Transformer2DModel(
            in_channels=4, out_channels=4, num_layers=1, attention_head_dim=8, num_attention_heads=2,
            text_embed_dim=16, time_embed_dim=8, condition_dim=4, pos_embed_max_size=8, sample_size=SIDE // 8,
            rope_axes_dim=(8, 8),
        ),
        "vae": vae_of_8(),
        "scheduler": diffusers.FlowMatchEulerDiscreteScheduler(
            use_dynamic_shifting=True, base_shift=0.25, max_shift=0.75, time_shift_type="linear"
        ),
        "text_encoder": transformers.GlmModel(
            transformers.GlmConfig(
                vocab_size=len(tokenizer), hidden_size=16, intermediate_size=32, num_hidden_layers=2,
                num_attention_heads=2, num_key_value_heads=1, head_dim=8, pad_token_id=tokenizer.pad_token_id,
            )
        ),
        "tokenizer": tokenizer,
    }  # fmt: skip


def hunyuan_dit() -> dict[str, Any]:
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *map(chr, range(97, 123))]
    pieces += [f"##{piece}" for piece in pieces[5:]]
    tokenizer = transformers.BertTokenizer(vocab={piece: place for place, piece in enumerate(pieces)})
    return {
        "kind": "HunyuanDiTPipeline",
        "transformer": diffusers.HunyuanDiT2DModel(
            num_attention_heads=2, attention_head_dim=8, in_channels=4, patch_size=2, sample_size=SIDE // 8,
            hidden_size=16, num_layers=2, cross_attention_dim=16, cross_attention_dim_t5=32,
            pooled_projection_dim=16,
        ),
        "vae": vae_of_8(),
        "scheduler": diffusers.DDPMScheduler(prediction_type="v_prediction", beta_schedule="scaled_linear"),
        "text_encoder": transformers.BertModel(
            transformers.BertConfig(
                vocab_size=len(tokenizer), hidden_size=16, intermediate_size=32, num_hidden_layers=1,
                num_attention_heads=2,
            )
        ),
        "tokenizer": tokenizer,
        "text_encoder_2": t5_of(32),
        "tokenizer_2": t5_tokenizer(),
        "safety_checker": None,
        "feature_extractor": None,
        "requires_safety_checker": False,
    }  # fmt: skip


def lumina() -> dict[str, Any]:
    return {
        "kind": "LuminaPipeline",
        "transformer": diffusers.LuminaNextDiT2DModel(
            sample_size=SIDE // 8, in_channels=4, hidden_size=16, num_layers=1, num_attention_heads=2,
            num_kv_heads=1, multiple_of=16, cross_attention_dim=16,
        ),
        "vae": vae_of_8(),
        "scheduler": diffusers.FlowMatchEulerDiscreteScheduler(shift=6.0),
        "text_encoder": transformers.GemmaModel(
            transformers.GemmaConfig(
                vocab_size=len(gemma_tokenizer()), hidden_size=16, intermediate_size=32, num_hidden_layers=2,
                num_attention_heads=2, num_key_value_heads=1, head_dim=8,
            )
        ),
        "tokenizer": gemma_tokenizer(),
    }  # fmt: skip


def ovis_image() -> dict[str, Any]:
    return {
        "kind": "OvisImagePipeline",
        "transformer": diffusers.OvisImageTransformer2DModel(
            in_channels=16, out_channels=16, num_layers=1, num_single_layers=1, attention_head_dim=8,
            num_attention_heads=2, joint_attention_dim=16, axes_dims_rope=(2, 2, 4),
        ),
        "vae": vae(4, shift_factor=0.1, use_quant_conv=False, use_post_quant_conv=False),
        "scheduler": diffusers.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, shift=3.0),
        "text_encoder": qwen_3("Qwen3Model"),
        "tokenizer": qwen_tokenizer(),
    }  # fmt: skip


def lumina_2() -> dict[str, Any]:
    return {
        "kind": "Lumina2Pipeline",
        "transformer": diffusers.Lumina2Transformer2DModel(
            sample_size=SIDE // 8, patch_size=2, in_channels=4, hidden_size=16, num_layers=1, num_refiner_layers=1,
            num_attention_heads=2, num_kv_heads=1, multiple_of=16, axes_dim_rope=(4, 2, 2), axes_lens=(300, 32, 32),
            cap_feat_dim=32,
        ),
        "vae": vae_of_8(),
        "scheduler": diffusers.FlowMatchEulerDiscreteScheduler(shift=6.0),
        "text_encoder": gemma(),
        "tokenizer": gemma_tokenizer(),
    }  # fmt: skip


MAKERS = {
    "pixart-alpha": lambda: pixart("PixArtAlphaPipeline"),
    "pixart-sigma": lambda: pixart("PixArtSigmaPipeline"),
    "sana": sana,
    "sana-sprint": sana_sprint,
    "auraflow": auraflow,
    "lumina-2": lumina_2,
    "qwen-image": qwen_image,
    "z-image": z_image,
    "chroma": chroma,
    "flux-2-klein": flux_2_klein,
    "cogview-3-plus": cogview_3_plus,
    "cogview-4": cogview_4,
    "hunyuan-dit": hunyuan_dit,
    "lumina": lumina,
    "ovis-image": ovis_image,
}
SIDES = {**dict.fromkeys(MAKERS, SIDE), "sana": 64, "sana-sprint": 64}
"""Pixels a side that they are drawn with, by family."""
