"""Rules out the tokens that an output format doesn't allow next."""

from __future__ import annotations

import math

import torch


def rule_out(logits: torch.Tensor, rows: list[int], masks: list[bytes]) -> list[int]:
    """Set what `masks` don't allow in `rows` of `logits` `[n, vocabulary]` to minus infinity.

    The masks have a bit for each token, the lowest of a byte first. Returns the rows in which nothing possible is left.
    """
    packed = torch.frombuffer(bytearray(b"".join(masks)), dtype=torch.uint8).view(len(rows), -1).to(logits.device)
    bits = torch.arange(8, dtype=torch.uint8, device=logits.device)
    allowed = (packed[:, :, None] >> bits & 1).view(len(rows), -1)[:, : logits.shape[-1]].bool()
    index = torch.tensor(rows, device=logits.device)
    kept = logits[index].masked_fill(~allowed, -math.inf)
    logits[index] = kept
    empty = (kept.amax(-1) == -math.inf).tolist()
    return [row for row, nothing in zip(rows, empty, strict=True) if nothing]
