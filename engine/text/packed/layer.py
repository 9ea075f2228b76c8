"""Decoder layers with packed weights, one call each (layer.c)."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence as Several
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from typing import Any

import torch

from engine.text.attention.backend import AttentionPlan, Backend, Variant
from engine.text.attention.native import NativeBackend, Prepared
from engine.text.attention.native import library as attention_library
from engine.text.attention.plan import PlannedChunk
from engine.text.c_library import Unavailable, compiled
from engine.text.llama_layers import fits, window_of
from engine.text.other_layers import in_place
from engine.text.packed.kernel import PackedMatrix, most_rows
from engine.text.packed.kernel import library as matrix_library
from engine.text.packed.layout import can_join, joined
from engine.text.packed.linear import PackedLinear

SOURCE = Path(__file__).with_name("layer.c")


class NativeLayer(ctypes.Structure):
    """`struct layer` of layer.c."""

    _fields_ = [
        *[
            (name, ctypes.c_int32)
            for name in ("hidden", "inner", "query_heads", "kv_heads", "dim", "window", "threads", "padding")
        ],
        *[(name, ctypes.c_float) for name in ("epsilon", "scale")],
        *[(name, ctypes.c_void_p) for name in ("norm_before", "norm_between", "query_norm", "key_norm", "bias")],
        *[(name, ctypes.c_void_p) for name in ("packed", "output", "gate", "down")],
        *[(name, ctypes.c_void_p) for name in ("keys", "values", "multiply", "attend")],
    ]


@cache
def library(dtype: torch.dtype) -> ctypes.CDLL:
    """For rows and a cache of this number format. Raises Unavailable."""
    loaded = compiled(SOURCE, *(["-DBFLOAT16"] if dtype is torch.bfloat16 else []))
    pointer, number = ctypes.c_void_p, ctypes.c_int32
    loaded.forward.argtypes = [pointer, number, pointer, pointer, pointer, pointer, pointer]
    loaded.forward.restype = number
    loaded.room_of.argtypes, loaded.room_of.restype = [pointer, number], ctypes.c_int64
    return loaded


class PackedLayer:
    """One layer behind the signature of the modelling code's own. Make it in the thread that computes."""

    def __init__(self, layer: Any, number: int, room: Room) -> None:
        attention, mlp = layer.self_attn, layer.mlp
        self._number = number
        self._cache: Backend | None = None
        dtype = layer.input_layernorm.weight.dtype
        self._room, self._library = room, library(dtype)
        self._variant = Variant(attention.scaling, window_of(layer))
        projections = (attention.q_proj, attention.k_proj, attention.v_proj)
        self._matrices = [
            merged(*projections),
            attention.o_proj.matrix,
            merged(mlp.gate_proj, mlp.up_proj),
            mlp.down_proj.matrix,
        ]
        biases = [one.bias.float() for one in projections if one.bias is not None]
        queries, keys = getattr(attention, "q_norm", None), getattr(attention, "k_norm", None)
        norms = [layer.input_layernorm, layer.post_attention_layernorm, queries, keys]
        self._kept = [None if norm is None else norm.weight.float() for norm in norms]
        self._kept.append(torch.cat(biases) if biases else None)
        dim = attention.head_dim
        self._native = NativeLayer(
            attention.q_proj.in_features, mlp.gate_proj.out_features, attention.q_proj.out_features // dim,
            attention.k_proj.out_features // dim, dim, window_of(layer), torch.get_num_threads(), 0,
            layer.input_layernorm.variance_epsilon, attention.scaling,
            *(None if one is None else one.data_ptr() for one in self._kept),
            *(matrix.address for matrix in self._matrices), None, None,
            _pointer(matrix_library().multiply), _pointer(attention_library(dtype).attend),
        )  # fmt: skip
        self._address = ctypes.addressof(self._native)

    def __call__(
        self,
        hidden_states: torch.Tensor,
        *,
        position_embeddings: tuple[torch.Tensor, torch.Tensor],
        plan: AttentionPlan,
        **rest: object,
    ) -> torch.Tensor:
        """As the layer's `forward`, but that hidden_states `[1, T, columns]` are changed in place."""
        prepared, (cos, sin) = plan.prepared, position_embeddings
        assert isinstance(prepared, Prepared)
        if plan.backend is not self._cache:
            self._cache = plan.backend
            self._native.keys = plan.backend.keys[self._number].data_ptr()
            self._native.values = plan.backend.values[self._number].data_ptr()
        cos, sin = cos.contiguous(), sin.contiguous()
        rows = hidden_states.shape[1]
        if not self._library.forward(
            self._address, rows, hidden_states.data_ptr(), cos.data_ptr(), sin.data_ptr(),
            ctypes.addressof(prepared.plan), self._room.of(self._address, rows).data_ptr(),
        ):  # fmt: skip
            raise MemoryError
        return hidden_states


class Room:
    """What layers compute in, one after the other."""

    def __init__(self, dtype: torch.dtype) -> None:
        self._numbers, self._wanted = torch.empty(0), library(dtype).room_of

    def of(self, layer: int, rows: int) -> torch.Tensor:
        wanted = self._wanted(layer, rows)
        if len(self._numbers) < wanted:
            self._numbers = torch.empty(wanted)
        return self._numbers


class PackedLayers:
    """Of one model, for steps of at most `most_rows` rows. Merges weights; the modelling code's own layers go on
    working with them."""

    mode = "packed"
    """For receipts."""
    only_if_faster = False
    """They save the modelling code's operators, whatever a busy machine makes of a trial."""

    def __init__(self, layers: Any) -> None:
        self._layers, room = list(layers), Room(layers[0].input_layernorm.weight.dtype)
        weights = layers[0].mlp.down_proj.matrix.weights
        self.rough: bool = weights.is_rounded
        self.most_rows = most_rows(weights.bits)
        self._packed = [PackedLayer(layer, number, room) for number, layer in enumerate(self._layers)]

    def takes(self, chunks: Several[PlannedChunk]) -> bool:
        """Whether they are for this step."""
        return chunks[-1].row + chunks[-1].count <= self.most_rows

    @property
    def tried(self) -> list[int]:
        return [len(self._layers) - 1]

    def at_work(self) -> AbstractContextManager[None]:
        return in_place(zip(self._layers, self._packed, strict=True))


def merged(*layers: PackedLinear) -> PackedMatrix:
    """One matrix of the features of all; theirs become parts of it."""
    whole = joined([layer.matrix.weights for layer in layers])
    for layer, part in zip(layers, whole.split([layer.out_features for layer in layers]), strict=True):
        layer.matrix = PackedMatrix(part)
    return PackedMatrix(whole)


def packed_layers(module: Any, backend: object) -> PackedLayers | None:
    """None where the layers, the number format or this machine aren't made for it."""
    if not isinstance(backend, NativeBackend) or not can_be_calls(module):
        return None
    try:
        return PackedLayers(module.model.layers)
    except Unavailable:
        return None


def can_be_calls(module: Any) -> bool:
    """Whether its layers, as they were loaded, can be one call each."""
    turned = 2 * module.model.rotary_emb.inv_freq.numel()
    return all(fits(layer, turned, PackedLinear) and _joins(layer) for layer in module.model.layers)


def _joins(layer: Any) -> bool:
    attention, mlp = layer.self_attn, layer.mlp
    together = [attention.q_proj, attention.k_proj, attention.v_proj], [mlp.gate_proj, mlp.up_proj]
    return all(can_join([one.out_features for one in linears]) for linears in together)


def _pointer(function: Any) -> int | None:
    return ctypes.cast(function, ctypes.c_void_p).value
