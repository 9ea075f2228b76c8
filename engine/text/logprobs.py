"""How probable the chosen token was, and which others were."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from tokenizers import Tokenizer

from engine.types import ChosenLogprob, TokenLogprob

LEAST = -9999.0
"""Stands for impossible: JSON has no infinity."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A token with its logarithmic probability, and the most probable ones with theirs."""

    token: int
    logprob: float
    top: list[tuple[int, float]]


def looked_up(logits: torch.Tensor, tokens: list[int], wanted: list[int]) -> list[Chosen]:
    """For each row of `logits` `[n, vocabulary]` the chosen token and as many of the most probable ones as wanted."""
    total = logits.logsumexp(-1, keepdim=True)
    own = logits.gather(1, torch.tensor(tokens, device=logits.device)[:, None])
    values, places = logits.topk(min(max(wanted), logits.shape[-1]), dim=-1)
    values = (torch.cat([own, values], dim=-1) - total).clamp(LEAST, 0)
    return [
        Chosen(token, row[0], list(zip(best[:number], row[1:], strict=False)))
        for token, number, row, best in zip(tokens, wanted, values.tolist(), places.tolist(), strict=True)
    ]


class TokenBytes:
    """The bytes of single tokens, which need not be whole characters, by the tokenizer's own way of decoding."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer

    def told(self, chosen: Chosen) -> ChosenLogprob:
        return ChosenLogprob(
            self._logprob(chosen.token, chosen.logprob),
            tuple(self._logprob(token, value) for token, value in chosen.top),
        )

    def of(self, token: int) -> bytes:
        name = self._tokenizer.id_to_token(token)
        if name is None:  # the model's vocabulary is padded beyond the tokenizer's
            return b""
        return name.encode() if token in self._added else self._decode(name)

    def _logprob(self, token: int, value: float) -> TokenLogprob:
        return TokenLogprob(token, self.of(token), value)

    @cached_property
    def _added(self) -> frozenset[int]:
        """Those that stand for themselves: control tokens, mostly."""
        return frozenset(self._tokenizer.get_added_tokens_decoder())

    @cached_property
    def _decode(self) -> Callable[[str], bytes]:
        decoder = self._tokenizer.decoder
        steps = json.loads(decoder.__getstate__()) if decoder is not None else {"type": "none"}
        kinds = {step["type"] for step in steps.get("decoders", [steps])}
        return _byte_level if "ByteLevel" in kinds else _sentence_piece if "ByteFallback" in kinds else str.encode


def _byte_level(name: str) -> bytes:
    if all(character in BYTES for character in name):
        return bytes(BYTES[character] for character in name)
    return name.encode()


def _sentence_piece(name: str) -> bytes:
    """`▁` is a space, `<0xF0>` a byte."""
    if len(name) == 6 and name.startswith("<0x") and name.endswith(">"):
        return bytes([int(name[3:5], 16)])
    return name.replace("▁", " ").encode()


def _byte_names() -> dict[str, int]:
    """GPT-2's table: printable bytes of Latin-1 are their own names, the others follow from 256 on."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in plain]
    return {chr(byte): byte for byte in plain} | {chr(256 + place): byte for place, byte in enumerate(others)}


BYTES = _byte_names()
