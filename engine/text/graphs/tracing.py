"""Makes the graph of one kind of layers. Runs in a process of its own, and needs no weights."""

from __future__ import annotations

import warnings
from collections.abc import Sequence as Several
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import nn
from torch.fx.experimental import _config as torch_shapes

from engine.text.attention.backend import Variant
from engine.text.graphs import operators  # noqa: F401 - registers them
from engine.text.graphs.kinds import Unfit, tensors_of

ROWS, MOST_ROWS = 16, 1 << 20
"""Rows that loops are laid out for; and how many there may be."""
OPTIONS = {
    "aot_inductor.precompile_headers": False,  # they pay for themselves with the third graph only
    "cpp.vec_isa_ok": True,  # else a program is compiled first to see whether what the processor can may be compiled
}


class Traced(nn.Module):
    """A layer whose numbers all come in as arguments."""

    def __init__(self, layer: nn.Module, own: Several[str]) -> None:
        super().__init__()
        self.tensors = tensors_of(layer, own)
        self._hidden = [layer]  # in a list, so that its parameters aren't this module's
        for which, name in enumerate(own):
            linear: Any = layer.get_submodule(name)
            linear.forward = partial(self._linear, which, linear.out_features)

    def _linear(self, which: int, features: int, rows: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = torch.ops.atrium.linear(rows, self._now[0], which, features)
        return output

    def _attend(
        self, layer: int, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, variant: Variant, plan: object
    ) -> torch.Tensor:
        output: torch.Tensor = torch.ops.atrium.attend(
            query, key, value, self._now[0], variant.scale, variant.window, variant.softcap, variant.sinks
        )
        return output

    def forward(
        self, hidden: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, places: torch.Tensor, handle: torch.Tensor,
        *tensors: torch.Tensor,
    ) -> torch.Tensor:  # fmt: skip
        self._now = [handle]
        plan = SimpleNamespace(backend=SimpleNamespace(attend=self._attend))
        output: torch.Tensor = torch.func.functional_call(
            self._hidden[0],
            dict(zip(self.tensors, tensors, strict=True)),
            (hidden,),
            {"position_embeddings": (cos, sin), "position_ids": places, "use_cache": False, "plan": plan},
        )
        return output


def make(module: Any, number: int, own: Several[str], target: Path) -> None:
    """Compile one of a module's layers into the file `target`. Raises Unfit where its code can't be traced."""
    layer = module.model.layers[number].to_empty(device=module.model.rotary_emb.inv_freq.device)
    traced = Traced(layer, own)
    inputs = _inputs(module, traced)
    rows = torch.export.Dim("rows", min=1, max=MOST_ROWS)
    of_rows = [{1: rows}] * 4
    shapes: Any = torch_shapes
    with torch.no_grad(), shapes.patch(backed_size_oblivious=True), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            program = torch.export.export(
                traced, inputs, dynamic_shapes=(*of_rows, None, (None,) * len(traced.tensors)), strict=False
            )
        except Exception as error:
            raise Unfit(f"its layers can't be traced: {str(error).strip().splitlines()[0]}") from error
        if program.constants:
            raise Unfit("its layers compute with numbers that aren't their parameters.")
        torch._inductor.aoti_compile_and_package(program, package_path=str(target), inductor_configs=OPTIONS)


def _inputs(module: Any, traced: Traced) -> tuple[torch.Tensor, ...]:
    device = module.model.rotary_emb.inv_freq.device
    hidden = torch.zeros(1, ROWS, module.config.hidden_size, dtype=module.dtype, device=device)
    places = torch.arange(ROWS, device=device)[None]
    cos, sin = module.model.rotary_emb(hidden, position_ids=places)
    return hidden, cos, sin, places, torch.tensor(0), *traced.tensors.values()
