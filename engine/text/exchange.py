"""Numbers to the device and back, without waiting for what it computes."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence as Several
from typing import Any

import torch


def sent(values: Several[Any], device: torch.device, dtype: torch.dtype | None = None) -> torch.Tensor:
    """A tensor of them on the device, there when what it is given next needs it."""
    if device.type != "cuda":
        return torch.tensor(values, dtype=dtype, device=device)
    # From other memory than pinned the copy would wait until the device has computed all that it was given before.
    return torch.tensor(values, dtype=dtype, pin_memory=True).to(device, non_blocking=True)


def fetched(numbers: torch.Tensor) -> Callable[[], list[Any]]:
    """What `numbers` are when the device has computed all that it was given so far, whatever is given to it before the
    returned function is called, which waits for that and no longer."""
    if numbers.device.type != "cuda":
        return numbers.clone().tolist
    here = torch.empty(numbers.shape, dtype=numbers.dtype, pin_memory=True)
    here.copy_(numbers, non_blocking=True)
    copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
    copied.record(torch.cuda.current_stream(numbers.device))

    def told() -> list[Any]:
        copied.synchronize()
        numbers_here: list[Any] = here.tolist()
        return numbers_here

    return told
