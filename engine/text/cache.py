"""Keys and values of the running sequences: one dense row ("slot") for each, all layers alike."""

from __future__ import annotations

import torch

TOKENS_AT_FIRST = 256


class SlotCache:
    """For every layer a key and a value tensor `[slots, kv_heads, tokens, head_dim]`.

    Heads lie before tokens: decode attention over 512 tokens was 20 to 30 % faster so than with tokens first
    (docs/decisions/0003). Slots and tokens grow by doubling, up to the limits, so a short chat doesn't hold the memory
    of a long one. Unused positions are zero, not uninitialised: a masked value is multiplied by 0, and 0 · NaN is NaN.
    """

    def __init__(
        self, *, layers: int, kv_heads: int, head_dim: int, max_slots: int, max_tokens: int,
        dtype: torch.dtype, device: torch.device,
    ) -> None:  # fmt: skip
        self._heads, self._dim, self._dtype, self._device = kv_heads, head_dim, dtype, device
        self._max_slots, self._max_tokens = max_slots, max_tokens
        self._slots, self._tokens = 0, 0
        self.keys = [self._zeros(0, 0) for _ in range(layers)]
        self.values = [self._zeros(0, 0) for _ in range(layers)]

    @property
    def nbytes(self) -> int:
        return sum(layer.nbytes for layer in (*self.keys, *self.values))

    def reserve(self, slots: int, tokens: int) -> None:
        """Make room for `slots` sequences of up to `tokens` tokens; what is cached stays."""
        if slots <= self._slots and tokens <= self._tokens:
            return
        slots = _grown(self._slots, slots, 1, self._max_slots)
        tokens = _grown(self._tokens, tokens, TOKENS_AT_FIRST, self._max_tokens)
        for layers in (self.keys, self.values):
            for index, old in enumerate(layers):
                layers[index] = self._enlarged(old, slots, tokens)
        self._slots, self._tokens = slots, tokens

    def move(self, source: int, target: int, tokens: int) -> None:
        for layer in (*self.keys, *self.values):
            layer[target, :, :tokens] = layer[source, :, :tokens]

    def clear(self, slot: int) -> None:
        """Zero a slot whose sequence failed: it may hold NaN, which would reach the next one through the mask."""
        if slot < self._slots:
            for layer in (*self.keys, *self.values):
                layer[slot].zero_()

    def release(self) -> None:
        """Give the memory back; every cached sequence is lost."""
        self._slots = self._tokens = 0
        for layers in (self.keys, self.values):
            layers[:] = [self._zeros(0, 0) for _ in layers]

    def _enlarged(self, old: torch.Tensor, slots: int, tokens: int) -> torch.Tensor:
        """`old` itself where it is large enough: enlarging may have run out of memory half way, and be tried again."""
        new = self._zeros(max(slots, old.shape[0]), max(tokens, old.shape[2]))
        if new.shape == old.shape:
            return old
        new[: old.shape[0], :, : old.shape[2]] = old
        return new

    def _zeros(self, slots: int, tokens: int) -> torch.Tensor:
        return torch.zeros(slots, self._heads, tokens, self._dim, dtype=self._dtype, device=self._device)


def _grown(have: int, need: int, at_first: int, most: int) -> int:
    """`have` doubled until it holds `need`, at most `most`."""
    size = max(have, at_first)
    while size < need:
        size *= 2
    return min(size, most)
