"""Words, text encoder and UNet, learnt together on cached latents."""

from __future__ import annotations

import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from engine.training.autoencoder import LATENT_CHANNELS
from engine.training.recipe import Recipe

LATENT_SIDE_OF = 4  # pixels on a side of one latent


def build_scheduler() -> DDIMScheduler:
    """Stable Diffusion's noise, v-prediction (Salimans & Ho 2022), steps counted from the noisiest."""
    return DDIMScheduler(
        num_train_timesteps=1000,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        timestep_spacing="trailing",
        clip_sample=False,
        set_alpha_to_one=True,
        steps_offset=1,
    )


def build_text_encoder(recipe: Recipe, tokenizer: CLIPTokenizer) -> CLIPTextModel:
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=recipe.text_width,
            intermediate_size=2 * recipe.text_width,
            num_hidden_layers=recipe.text_layers,
            num_attention_heads=4,
            max_position_embeddings=recipe.words,
            projection_dim=recipe.text_width,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def build_unet(recipe: Recipe) -> UNet2DConditionModel:
    """Attention to the words below the finest level: there it costs as much as three convolutions and adds little."""
    deeper = len(recipe.unet_channels) - 1
    return UNet2DConditionModel(
        sample_size=recipe.size // LATENT_SIDE_OF,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        layers_per_block=1,
        block_out_channels=recipe.unet_channels,
        down_block_types=("DownBlock2D",) + ("CrossAttnDownBlock2D",) * deeper,
        up_block_types=("CrossAttnUpBlock2D",) * deeper + ("UpBlock2D",),
        cross_attention_dim=recipe.text_width,
        attention_head_dim=4,
        norm_num_groups=16,
    )


class Painter(nn.Module):
    """What learns: the text encoder and the UNet."""

    def __init__(self, text_encoder: CLIPTextModel, unet: UNet2DConditionModel) -> None:
        super().__init__()
        self.text_encoder, self.unet = text_encoder, unet

    def forward(self, noisy: torch.Tensor, times: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """[batch, 4, 16, 16], [batch], [batch, words] to the predicted v, [batch, 4, 16, 16]."""
        words = self.text_encoder(tokens).last_hidden_state
        predicted: torch.Tensor = self.unet(noisy, times, encoder_hidden_states=words).sample
        return predicted


def tokens_of(tokenizer: CLIPTokenizer, captions: list[str]) -> torch.Tensor:
    length = tokenizer.model_max_length
    found = tokenizer(captions, padding="max_length", max_length=length, truncation=True, return_tensors="pt")
    return torch.as_tensor(found.input_ids)


def diffusion_loss(
    model: nn.Module,
    scheduler: DDIMScheduler,
    latents: torch.Tensor,
    tokens: torch.Tensor,
    generator: torch.Generator,
) -> torch.Tensor:
    """Mean squared error of v at times spread evenly over the batch, which makes the loss less noisy."""
    count = len(latents)
    device = latents.device
    noise = torch.randn(latents.shape, generator=generator, device=device)
    spread = (torch.arange(count, device=device) + torch.rand(1, generator=generator, device=device)) / count
    times = (spread * scheduler.config.num_train_timesteps).long().clamp_max(scheduler.config.num_train_timesteps - 1)
    noisy = scheduler.add_noise(latents, noise, times).contiguous(memory_format=torch.channels_last)
    wanted = scheduler.get_velocity(latents, noise, times)
    return nn.functional.mse_loss(model(noisy, times, tokens), wanted)
