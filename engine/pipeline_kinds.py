"""Which diffusers pipelines the engine serves, what they are made of, and what suits them. No torch, no diffusers.

Only the classes listed here are ever looked up, whatever a folder names. Most run by the engine's own loop, a family
each; the others by the compatible lane, which calls diffusers' pipeline as a whole: for it, another pipeline is another
entry here. See docs/decisions/0017-pictures.md and 0020-whole-pipelines.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.image.schedulers import DIFFUSION_SCHEDULERS, FLOW_SCHEDULERS

DIFFUSION, FLOW = frozenset(DIFFUSION_SCHEDULERS), frozenset(FLOW_SCHEDULERS)
CLIP, CLIP_PROJECTED, T5 = (
    frozenset({"CLIPTextModel"}), frozenset({"CLIPTextModelWithProjection"}), frozenset({"T5EncoderModel"}),
)  # fmt: skip
CLIP_TOKENIZER = frozenset({"CLIPTokenizer", "CLIPTokenizerFast"})
T5_TOKENIZER = frozenset({"T5Tokenizer", "T5TokenizerFast"})
GEMMA, GEMMA_TOKENIZER = frozenset({"Gemma2Model"}), frozenset({"GemmaTokenizer", "GemmaTokenizerFast"})
QWEN_TOKENIZER = frozenset({"Qwen2Tokenizer", "Qwen2TokenizerFast"})
VAE = frozenset({"AutoencoderKL"})


@dataclass(frozen=True, slots=True)
class PipelineKind:
    """One family of pipelines: the parts it is made of, and what suits it."""

    family: str
    pipeline: str
    """The diffusers class whose parts are used."""
    network: str
    """The part that denoises."""
    parts: Mapping[str, frozenset[str]]
    """Which class each part may be."""
    optional: frozenset[str]
    patch: int
    """Width and height of latents must be a multiple of it."""
    side: int
    """In latents, where the network's config doesn't say."""
    steps: int
    guidance: float
    prompt_tokens: int
    takes_negative: bool = True
    second_pass: bool = True
    """As of `ImageFacts`, where neither its network's config nor its settings say otherwise."""
    packs: bool = False
    """Whether the network sees squares of four latents as one."""
    distilled: tuple[int, float] | None = None
    """Steps and guidance that suit those of the family that were taught to draw in a few steps."""
    formerly: str = ""
    """What `pipeline` was called when older folders were saved; "" for nothing else."""
    whole: bool = False
    """Whether diffusers' pipeline is called as a whole, because the engine's own loop has no family for it."""
    told: Mapping[str, Any] = field(default_factory=dict)
    """Of a whole one: what it is called with beside the request."""
    told_by_steps: Callable[[int], Mapping[str, Any]] = lambda steps: {}
    """Of a whole one: the same, where it depends on the number of steps."""
    spare_timesteps: int = 0
    """Of a whole one: how many timesteps at the end of its scheduler's stand for no step."""
    made: Mapping[str, Any] = field(default_factory=dict)
    """Of a whole one: what it is made of beside its parts."""
    settings: frozenset[str] = frozenset()
    """Of a whole one: what its model_index.json may switch on or off."""
    guidance_name: str = "guidance_scale"
    """Of a whole one: what it calls guidance."""
    guidance_off: float = 1.0
    """Of a whole one: what it calls the guidance that leaves all to the model, ours being 1."""
    from_picture: str = ""
    """Of a whole one: the class that begins with a picture, made of the same parts; "" for none."""
    from_mask: str = ""
    """Of a whole one: the same, for a picture of which only a part is drawn anew."""
    chats: bool = False
    """Of a whole one: whether it puts the prompt into its tokenizer's chat template."""
    scale: int = 0
    """Pixels a side that a latent must stand for, as the pipeline takes it for granted; 0: it asks the VAE."""
    places: int = 0
    """Patches a side for which the network has places, where its config doesn't say; 0: for any."""


_UNET = {
    "unet": frozenset({"UNet2DConditionModel"}), "vae": VAE, "scheduler": DIFFUSION,
    "text_encoder": CLIP, "tokenizer": CLIP_TOKENIZER,
}  # fmt: skip
_CONSISTENCY = (4, 8.0)
"""What suits U-Nets that take guidance as an input: to those, it isn't a second pass."""
_OWN = (
    PipelineKind(
        "stable-diffusion", "StableDiffusionPipeline", "unet", _UNET, frozenset(), 1, 64, 25, 7.5, 77,
        distilled=_CONSISTENCY,
    ),
    PipelineKind(
        "stable-diffusion-xl", "StableDiffusionXLPipeline", "unet",
        _UNET | {"text_encoder_2": CLIP_PROJECTED, "tokenizer_2": CLIP_TOKENIZER},
        frozenset(), 1, 128, 30, 5.0, 77, distilled=_CONSISTENCY,
    ),
    PipelineKind(
        "stable-diffusion-3", "StableDiffusion3Pipeline", "transformer",
        {
            "transformer": frozenset({"SD3Transformer2DModel"}), "vae": VAE, "scheduler": FLOW,
            "text_encoder": CLIP_PROJECTED, "tokenizer": CLIP_TOKENIZER,
            "text_encoder_2": CLIP_PROJECTED, "tokenizer_2": CLIP_TOKENIZER,
            "text_encoder_3": T5, "tokenizer_3": T5_TOKENIZER,
        },
        frozenset({"text_encoder_3", "tokenizer_3"}), 2, 128, 28, 5.0, 256,
    ),
    PipelineKind(
        "flux", "FluxPipeline", "transformer",
        {
            "transformer": frozenset({"FluxTransformer2DModel"}), "vae": VAE, "scheduler": FLOW,
            "text_encoder": CLIP, "tokenizer": CLIP_TOKENIZER, "text_encoder_2": T5, "tokenizer_2": T5_TOKENIZER,
        },
        frozenset(), 2, 128, 28, 3.5, 512, takes_negative=False, second_pass=False, packs=True,
        distilled=(4, 1.0),
    ),
)  # fmt: skip
_AS_ASKED = {"clean_caption": False, "use_resolution_binning": False}
"""Neither the prompt, by packages that may be missing, nor the size is changed."""
_PIXART = {
    "transformer": frozenset({"PixArtTransformer2DModel", "Transformer2DModel"}), "vae": VAE, "scheduler": DIFFUSION,
    "text_encoder": T5, "tokenizer": T5_TOKENIZER,
}  # fmt: skip
_WHOLE = (
    PipelineKind(
        "pixart-alpha", "PixArtAlphaPipeline", "transformer", _PIXART, frozenset(), 2, 128, 20, 4.5, 120,
        whole=True, told=_AS_ASKED,
    ),
    PipelineKind(
        "pixart-sigma", "PixArtSigmaPipeline", "transformer", _PIXART, frozenset(), 2, 128, 20, 4.5, 300,
        whole=True, told=_AS_ASKED,
    ),
    PipelineKind(
        "sana", "SanaPipeline", "transformer",
        {
            "transformer": frozenset({"SanaTransformer2DModel"}), "vae": frozenset({"AutoencoderDC"}),
            "scheduler": DIFFUSION | FLOW, "text_encoder": GEMMA, "tokenizer": GEMMA_TOKENIZER,
        },
        frozenset(), 1, 32, 20, 4.5, 300, whole=True, told=_AS_ASKED, scale=32,
    ),
    PipelineKind(
        "sana-sprint", "SanaSprintPipeline", "transformer",
        {
            "transformer": frozenset({"SanaTransformer2DModel"}), "vae": frozenset({"AutoencoderDC"}),
            "scheduler": frozenset({"SCMScheduler"}), "text_encoder": GEMMA, "tokenizer": GEMMA_TOKENIZER,
        },
        frozenset(), 1, 32, 2, 4.5, 300, takes_negative=False, second_pass=False, whole=True, told=_AS_ASKED,
        scale=32,
        told_by_steps=lambda steps: {"intermediate_timesteps": 1.3 if steps == 2 else None}, spare_timesteps=1,
        from_picture="SanaSprintImg2ImgPipeline",
    ),
    PipelineKind(
        "auraflow", "AuraFlowPipeline", "transformer",
        {
            "transformer": frozenset({"AuraFlowTransformer2DModel"}), "vae": VAE, "scheduler": FLOW,
            "text_encoder": frozenset({"UMT5EncoderModel"}),
            "tokenizer": T5_TOKENIZER | {"LlamaTokenizer", "LlamaTokenizerFast"},
        },
        frozenset(), 2, 64, 50, 3.5, 256, whole=True,
    ),
    PipelineKind(
        "lumina-2", "Lumina2Pipeline", "transformer",
        {
            "transformer": frozenset({"Lumina2Transformer2DModel"}), "vae": VAE, "scheduler": FLOW,
            "text_encoder": GEMMA, "tokenizer": GEMMA_TOKENIZER,
        },
        frozenset(), 2, 128, 30, 4.0, 256, formerly="Lumina2Text2ImgPipeline", whole=True, scale=8,
    ),
    PipelineKind(
        "qwen-image", "QwenImagePipeline", "transformer",
        {
            "transformer": frozenset({"QwenImageTransformer2DModel"}), "vae": frozenset({"AutoencoderKLQwenImage"}),
            "scheduler": FLOW, "text_encoder": frozenset({"Qwen2_5_VLForConditionalGeneration"}),
            "tokenizer": QWEN_TOKENIZER,
        },
        frozenset(), 2, 166, 50, 4.0, 512, packs=True, whole=True, guidance_name="true_cfg_scale",
        from_picture="QwenImageImg2ImgPipeline", from_mask="QwenImageInpaintPipeline",
    ),
    PipelineKind(
        "z-image", "ZImagePipeline", "transformer",
        {
            "transformer": frozenset({"ZImageTransformer2DModel"}), "vae": VAE, "scheduler": FLOW,
            "text_encoder": frozenset({"Qwen3Model"}), "tokenizer": QWEN_TOKENIZER,
        },
        frozenset(), 2, 128, 50, 5.0, 512, distilled=(8, 1.0), whole=True, guidance_off=0.0,
        from_picture="ZImageImg2ImgPipeline", from_mask="ZImageInpaintPipeline", chats=True,
    ),
    PipelineKind(
        "chroma", "ChromaPipeline", "transformer",
        {
            "transformer": frozenset({"ChromaTransformer2DModel"}), "vae": VAE, "scheduler": FLOW,
            "text_encoder": T5, "tokenizer": T5_TOKENIZER,
        },
        frozenset(), 2, 128, 40, 3.0, 512, packs=True, whole=True,
        from_picture="ChromaImg2ImgPipeline",
    ),
    PipelineKind(
        "flux-2-klein", "Flux2KleinPipeline", "transformer",
        {
            "transformer": frozenset({"Flux2Transformer2DModel"}), "vae": frozenset({"AutoencoderKLFlux2"}),
            "scheduler": FLOW, "text_encoder": frozenset({"Qwen3ForCausalLM"}), "tokenizer": QWEN_TOKENIZER,
        },
        frozenset(), 2, 128, 50, 4.0, 512, takes_negative=False, packs=True, distilled=(4, 1.0), whole=True,
        settings=frozenset({"is_distilled"}), chats=True,
    ),
    PipelineKind(
        "cogview-3-plus", "CogView3PlusPipeline", "transformer",
        {
            "transformer": frozenset({"CogView3PlusTransformer2DModel"}), "vae": VAE,
            "scheduler": frozenset({"CogVideoXDDIMScheduler"}), "text_encoder": T5, "tokenizer": T5_TOKENIZER,
        },
        frozenset(), 2, 128, 50, 7.0, 224, whole=True, scale=8,
    ),
    PipelineKind(
        "cogview-4", "CogView4Pipeline", "transformer",
        {
            "transformer": frozenset({"CogView4Transformer2DModel"}), "vae": VAE, "scheduler": FLOW,
            "text_encoder": frozenset({"GlmModel"}),
            "tokenizer": frozenset({"PreTrainedTokenizerFast", "TokenizersBackend"}),
        },
        frozenset(), 2, 128, 50, 3.5, 1024, whole=True, scale=8,
    ),
    PipelineKind(
        "hunyuan-dit", "HunyuanDiTPipeline", "transformer",
        {
            "transformer": frozenset({"HunyuanDiT2DModel"}), "vae": VAE, "scheduler": DIFFUSION,
            "text_encoder": frozenset({"BertModel"}), "tokenizer": frozenset({"BertTokenizer", "BertTokenizerFast"}),
            "text_encoder_2": T5, "tokenizer_2": T5_TOKENIZER,
        },
        frozenset(), 2, 128, 50, 5.0, 256, whole=True, told={"use_resolution_binning": False},
        made={"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}, scale=8,
    ),
    PipelineKind(
        "lumina", "LuminaPipeline", "transformer",
        {
            "transformer": frozenset({"LuminaNextDiT2DModel"}), "vae": VAE, "scheduler": FLOW,
            "text_encoder": frozenset({"GemmaModel"}), "tokenizer": GEMMA_TOKENIZER,
        },
        frozenset(), 2, 128, 30, 4.0, 256, formerly="LuminaText2ImgPipeline", whole=True,
        told={"clean_caption": False}, scale=8, places=384,
    ),
    PipelineKind(
        "ovis-image", "OvisImagePipeline", "transformer",
        {
            "transformer": frozenset({"OvisImageTransformer2DModel"}), "vae": VAE, "scheduler": FLOW,
            "text_encoder": frozenset({"Qwen3Model"}), "tokenizer": QWEN_TOKENIZER,
        },
        frozenset(), 2, 128, 50, 5.0, 256, packs=True, whole=True, chats=True,
    ),
)  # fmt: skip
WHOLE: Mapping[str, PipelineKind] = {
    name: kind for kind in _WHOLE for name in (kind.pipeline, kind.formerly, kind.from_picture, kind.from_mask) if name
}
"""Those of the compatible lane."""
PIPELINES: Mapping[str, PipelineKind] = {
    **{
        kind.pipeline.replace("Pipeline", f"{suffix}Pipeline"): kind
        for kind in _OWN
        for suffix in ("", "Img2Img", "Inpaint")
    },
    **dict.fromkeys(("LatentConsistencyModelPipeline", "LatentConsistencyModelImg2ImgPipeline"), _OWN[0]),
    **WHOLE,
}
"""By the name in model_index.json: pipelines for pictures from pictures, and for consistency models, are made of the
same parts."""
