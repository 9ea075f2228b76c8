"""A judge: how well does a picture fit these words? Learnt from real pictures, as CLIP (Radford et al. 2021)."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional
from transformers import CLIPTokenizer

from engine.training.diffusion import tokens_of
from engine.training.pictures import Pictures

WIDTH = 128
CHANNELS = (24, 48, 96, 160)
BATCH = 64
RATE = 2e-3
SHARPNESS = 14.0  # of the softmax over cosines, to begin with: CLIP's


class Scorer(nn.Module):
    """Cosines of pictures and texts in one space. A text is the sum of its words: order means little in a name."""

    def __init__(self, tokenizer: CLIPTokenizer) -> None:
        super().__init__()
        self.tokenizer = tokenizer
        layers: list[nn.Module] = []
        for before, after in zip((3, *CHANNELS), CHANNELS, strict=False):
            layers += [nn.Conv2d(before, after, 3, stride=2, padding=1), nn.GroupNorm(8, after), nn.SiLU()]
        self.seeing = nn.Sequential(*layers, nn.Flatten(), nn.LazyLinear(WIDTH))
        self.words = nn.EmbeddingBag(len(tokenizer), WIDTH, mode="sum", padding_idx=tokenizer.pad_token_id)
        self.reading = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, WIDTH), nn.SiLU(), nn.Linear(WIDTH, WIDTH))
        self.sharpness = nn.Parameter(torch.tensor(SHARPNESS).log())

    def see(self, pixels: torch.Tensor) -> torch.Tensor:
        """[count, 3, size, size] in -1 … 1 to [count, WIDTH] of length 1."""
        return functional.normalize(self.seeing(pixels), dim=-1)

    def read(self, texts: list[str]) -> torch.Tensor:
        tokens = tokens_of(self.tokenizer, texts).to(self.sharpness.device)
        return functional.normalize(self.reading(self.words(tokens)), dim=-1)


def train_scorer(pictures: Pictures, tokenizer: CLIPTokenizer, *, steps: int, seed: int = 0) -> Scorer:
    """On pictures moved, blurred and with noise, so that it judges what is drawn and not how sharply.

    On the device that they are on; all chance is the processor's, so that it is the same judge on any."""
    torch.manual_seed(seed)
    scorer = Scorer(tokenizer)
    scorer.see(pictures.scaled(torch.arange(1)).cpu())  # the lazy layer takes its size from the first picture
    scorer.to(pictures.pixels.device)
    optimizer = torch.optim.AdamW(scorer.parameters(), lr=RATE, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        rows = torch.randperm(len(pictures), generator=generator)[:BATCH]
        choices = torch.rand(len(rows), generator=generator).tolist()
        texts = [
            pictures.captions[row][int(choice * len(pictures.captions[row]))]
            for row, choice in zip(rows.tolist(), choices, strict=True)
        ]
        loss = _contrast(scorer, _disturbed(pictures.scaled(rows), generator), texts, rows, pictures)
        torch.autograd.backward(loss)
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
    return scorer.eval()


def _contrast(
    scorer: Scorer, pixels: torch.Tensor, texts: list[str], rows: torch.Tensor, pictures: Pictures
) -> torch.Tensor:
    """Each picture should find its text and each text its picture; who shares a caption is not held against anybody."""
    cosines = scorer.see(pixels) @ scorer.read(texts).T * scorer.sharpness.exp().clamp_max(100)
    captions = [set(pictures.captions[row]) for row in rows.tolist()]
    also_right = torch.tensor([[text in own for text in texts] for own in captions])
    also_right.fill_diagonal_(False)
    cosines = cosines.masked_fill(also_right.to(cosines.device), float("-inf"))
    wanted = torch.arange(len(texts), device=cosines.device)
    return (functional.cross_entropy(cosines, wanted) + functional.cross_entropy(cosines.T, wanted)) / 2


def _disturbed(pixels: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Moved by up to four pixels, every second one blurred, all with a little noise."""
    size = pixels.shape[-1]
    around = functional.pad(pixels, (4, 4, 4, 4), mode="replicate")
    moves = torch.randint(0, 9, (len(pixels), 2), generator=generator).tolist()
    moved = torch.stack([each[:, y : y + size, x : x + size] for each, (y, x) in zip(around, moves, strict=True)])
    factor = int(torch.randint(2, 5, (1,), generator=generator))
    small = functional.avg_pool2d(moved[::2], factor)
    moved[::2] = functional.interpolate(small, size=(size, size), mode="bilinear")
    return moved + 0.08 * torch.randn(moved.shape, generator=generator).to(moved.device)


@torch.no_grad()
def ranks(scorer: Scorer, pixels: torch.Tensor, right: list[str], candidates: list[str]) -> list[int]:
    """For each picture the place, from 0, of its right text among the candidates."""
    cosines = torch.cat([scorer.see(part) for part in torch.split(pixels, 64)]) @ scorer.read(candidates).T
    places = torch.tensor([candidates.index(text) for text in right], device=cosines.device)
    own = cosines.gather(1, places[:, None])
    return [int(count) for count in (cosines > own).sum(dim=1)]
