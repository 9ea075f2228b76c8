"""Names of schedulers: ours, and what other programs call the same thing."""

from __future__ import annotations

A1111 = {
    "ddim": "DDIM",
    "ddpm": "DDPM",
    "euler": "Euler",
    "euler-ancestral": "Euler a",
    "heun": "Heun",
    "lms": "LMS",
    "pndm": "PLMS",
    "unipc": "UniPC",
    "lcm": "LCM",
    "dpm++": "DPM++ 2M",
    "dpm++-sde": "DPM++ SDE",
    "dpm2": "DPM2",
    "dpm2-ancestral": "DPM2 a",
}
"""What we call a scheduler → what AUTOMATIC1111's web UI calls it."""
OTHER_NAMES = {
    "dpmpp_2m": "dpm++", "dpmpp_2m_k": "dpm++", "dpm++ 2m karras": "dpm++", "k_euler": "euler",
    "euler_a": "euler-ancestral", "euler_ancestral": "euler-ancestral", "k_euler_a": "euler-ancestral",
    "dpmpp_sde": "dpm++-sde", "dpm++ sde karras": "dpm++-sde", "uni_pc": "unipc", "dpm_2": "dpm2",
    "dpm_2_ancestral": "dpm2-ancestral", "euler_k": "euler", "heun_k": "heun", "lms_k": "lms", "kdpm_2": "dpm2",
    "kdpm_2_a": "dpm2-ancestral", "plms": "pndm",
}  # fmt: skip
"""ComfyUI's, InvokeAI's and older ones, in small letters → ours."""
OURS = {theirs.lower(): ours for ours, theirs in A1111.items()} | OTHER_NAMES


def to_a1111(scheduler: str) -> str:
    """Empty for `default`: which one that is, only the model knows."""
    return "" if scheduler == "default" else A1111.get(scheduler, scheduler)


def to_ours(name: str) -> str:
    """A name that isn't known stays as it is."""
    return OURS.get(name.strip().lower(), name.strip())
