"""Names of schedulers: ours, and what other programs call the same thing."""

from __future__ import annotations

A1111 = {
    "ddim": ("DDIM", ""),
    "euler": ("Euler", ""),
    "euler-ancestral": ("Euler a", ""),
    "heun": ("Heun", ""),
    "dpm++": ("DPM++ 2M", ""),
    "dpm++-karras": ("DPM++ 2M", "Karras"),
    "unipc": ("UniPC", ""),
    "pndm": ("PLMS", ""),
}
"""Ours → “Sampler” and “Schedule type” of AUTOMATIC1111's web UI."""
OTHER_NAMES = {
    "dpm++ 2m karras": "dpm++-karras",
    "dpmpp_2m": "dpm++",
    "dpmpp_2m_k": "dpm++-karras",
    "euler_a": "euler-ancestral",
    "euler_ancestral": "euler-ancestral",
    "k_euler": "euler",
    "k_euler_a": "euler-ancestral",
    "k_heun": "heun",
    "uni_pc": "unipc",
}
"""ComfyUI's, InvokeAI's and older ones → ours."""
OURS = {sampler.lower(): ours for ours, (sampler, schedule) in A1111.items() if not schedule} | OTHER_NAMES


def to_a1111(scheduler: str) -> tuple[str, str]:
    """Both empty for `default`: which one that is, only the model knows."""
    return ("", "") if scheduler == "default" else A1111.get(scheduler, (scheduler, ""))


def to_ours(sampler: str, schedule: str = "") -> str:
    """A sampler that isn't known stays as it is."""
    ours = OURS.get(sampler.strip().lower(), sampler.strip())
    with_schedule = f"{ours}-{schedule.strip().lower()}"
    return with_schedule if with_schedule in A1111 else ours
