"""A tiny random Janus, made on the spot: pictures of 64 × 64 in 16 tokens, exact in float32."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    JanusConfig,
    JanusForConditionalGeneration,
    JanusProcessor,
    JanusVisionConfig,
    JanusVQVAEConfig,
    LlamaConfig,
    PreTrainedTokenizerFast,
)
from transformers.models.janus.image_processing_pil_janus import JanusImageProcessorPil

from tests.engine.tiny import CORPUS

SIDE, TOKENS = 64, 16
PAD, BOS, EOS = "<|pad|>", "<|begin|>", "<|end|>"
IMAGE, BEGIN_IMAGE, END_IMAGE = "<image_placeholder>", "<begin_of_image>", "<end_of_image>"
SPECIAL = [PAD, BOS, EOS, IMAGE, BEGIN_IMAGE, END_IMAGE, "<|User|>", "<|Assistant|>"]
CHAT = (
    "{% for message in messages %}<|{{ message['role'] | capitalize }}|>: "
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}<image_placeholder>\n"
    "{% elif part['type'] == 'text' %}{{ part['text'] }}{% endif %}{% endfor %}"
    "{% if message['role'] == 'user' %}{{ '\n\n' }}{% else %}<|end|>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|Assistant|>:{% endif %}"
)
"""Like that of the converted checkpoints: what a message says is a list of parts, never a text."""


def make_tokenizer() -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=512, special_tokens=SPECIAL, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )  # fmt: skip
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", special_tokens=[(BOS, tokenizer.token_to_id(BOS))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=BOS, eos_token=EOS, pad_token=PAD,
        extra_special_tokens={"image_token": IMAGE, "boi_token": BEGIN_IMAGE, "eoi_token": END_IMAGE},
    )  # fmt: skip


def make_janus(folder: Path, *, seed: int = 0) -> Path:
    tokenizer = make_tokenizer()
    torch.manual_seed(seed)
    ids = {"pad_token_id": tokenizer.pad_token_id, "bos_token_id": tokenizer.bos_token_id,
           "eos_token_id": tokenizer.eos_token_id}  # fmt: skip
    text = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=512, initializer_range=0.5, **ids,
    )  # fmt: skip
    vision = JanusVisionConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=SIDE, patch_size=16,
        projection_dim=32, num_image_tokens=TOKENS, initializer_range=0.5,
    )  # fmt: skip
    vq = JanusVQVAEConfig(
        embed_dim=4, num_embeddings=64, latent_channels=32, base_channels=32, channel_multiplier=[1] * 5,
        num_res_blocks=1, projection_dim=32, image_token_embed_dim=32, initializer_range=0.5,
    )  # fmt: skip
    config = JanusConfig(
        text_config=text, vision_config=vision, vq_config=vq, image_token_id=tokenizer.image_token_id,
        tie_word_embeddings=False,
    )  # fmt: skip
    model = JanusForConditionalGeneration(config).eval()
    told = model.generation_config
    told._from_model_config = False
    told.pad_token_id, told.bos_token_id, told.eos_token_id = ids.values()
    told.guidance_scale, told.generation_kwargs = 5.0, {"boi_token_id": tokenizer.boi_token_id}
    model.save_pretrained(folder)
    pictures = JanusImageProcessorPil(size={"height": SIDE, "width": SIDE}, image_mean=[0.5] * 3, image_std=[0.5] * 3)
    processor = JanusProcessor(pictures, tokenizer, chat_template=CHAT, num_image_tokens=TOKENS)
    processor.save_pretrained(folder)
    return folder
