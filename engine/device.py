"""The one place that knows which device torch computes on, and in which number format."""

from __future__ import annotations

import torch

from engine.config import EngineConfig
from engine.memory import MIB, free_host_memory, give_back


class DeviceLost(Exception):
    """The device answers nothing any more, and won't for as long as the process lives."""


DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
NO_MEMORY = ("allocate memory", "CUDA error: out of memory", "[CUDA]: out of memory", "STATUS_ALLOC_FAILED")
"""What the system says, whoever passes it on; and CUDA, Triton and CUDA's libraries where torch's own allocator isn't
asked: graphs, kernels, handles."""
SHARE_OF_FREE = {"cpu": 0.8, "accelerator": 0.9}
"""The rest is for what steps compute with, and on a CPU for the other programs of the machine."""


def pick_device(config: EngineConfig) -> torch.device:
    """The configured device, or for `auto` the accelerator if there is one. Raises ValueError for an unknown name."""
    if config.device != "auto":
        try:
            return torch.device(config.device)
        except RuntimeError as error:
            raise ValueError(f"There is no device “{config.device}”.") from error
    return torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")


def pick_dtype(config: EngineConfig, device: torch.device) -> torch.dtype:
    """The configured number format. `auto` is bfloat16 where the device multiplies in it.

    A CPU without bfloat16 instructions emulates them: 17 GFLOP/s here whatever the batch, where float32 reaches 140.
    """
    if config.dtype != "auto":
        return DTYPES[config.dtype]
    if device.type == "cpu" and not _multiplies_bfloat16():
        return torch.float32
    return torch.bfloat16


def _multiplies_bfloat16() -> bool:
    """Whether this processor has instructions for it. oneDNN also says yes where AVX-512 alone lets it emulate them."""
    known = torch.cpu.get_capabilities()
    if known.get("architecture") == "x86_64":
        return bool(known["avx512_bf16"] or known["amx_bf16"])
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def prepare_thread(config: EngineConfig) -> None:
    """Call once in the thread that computes: OpenMP keeps the number of threads per calling thread."""
    if config.threads is not None:
        torch.set_num_threads(config.threads)


def finish(device: torch.device) -> None:
    """Wait until it has computed all that it was given."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


def raise_if_lost(device: torch.device, error: BaseException) -> None:
    """After `error`: most errors of CUDA stay, and every request would fail of the one before it. Raises DeviceLost."""
    if device.type == "cpu":
        return
    try:
        finish(device)
    except Exception:
        raise DeviceLost(f"The device {device} answers nothing any more.") from error


def is_out_of_memory(error: BaseException | None) -> bool:
    """CUDA has a class for it; the CPU allocator raises a plain RuntimeError, and the system ENOMEM."""
    if error is None:
        return False
    told = str(error)
    return (
        isinstance(error, (torch.OutOfMemoryError, MemoryError))
        or any(words in told for words in NO_MEMORY)
        or is_out_of_memory(error.__cause__)
    )


def free_memory(device: torch.device) -> int:
    """Bytes."""
    if device.type == "cpu":
        return free_host_memory()
    free: int = torch.accelerator.get_memory_info(device)[0]
    return free


def memory_budget(config: EngineConfig) -> int:
    """Bytes for weights and caches of all models: as configured, or most of what is free now."""
    if config.memory_mb is not None:
        return config.memory_mb * MIB
    device = pick_device(config)
    return int(free_memory(device) * SHARE_OF_FREE["cpu" if device.type == "cpu" else "accelerator"])


def release_memory(device: torch.device) -> None:
    """Give back what isn't used any more, after an eviction or an out-of-memory error."""
    give_back()
    if device.type != "cpu":
        torch.accelerator.empty_cache()
