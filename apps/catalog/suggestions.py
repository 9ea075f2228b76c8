"""Models of the hub to begin with, for machines of every size. The look before an install says what is true by then."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Suggestion:
    repository: str
    title: str
    words: str
    gigabytes: float
    """To download, and in memory with full weights: about."""
    license_id: str
    draws: bool = False

    @property
    def source(self) -> str:
        return f"hf:{self.repository}"

    @property
    def size(self) -> int:
        return int(self.gigabytes * 1e9)


APACHE = "Apache-2.0"
SUGGESTIONS = (
    Suggestion(
        "HuggingFaceTB/SmolLM2-360M-Instruct", "SmolLM2 360M", "Short chats in English, on any processor.", 0.7, APACHE
    ),
    Suggestion("Qwen/Qwen3-0.6B", "Qwen3 0.6B", "Small, many languages; thinks before it answers.", 1.5, APACHE),
    Suggestion("Qwen/Qwen3-1.7B", "Qwen3 1.7B", "Many languages, everyday questions; thinks.", 4.1, APACHE),
    Suggestion("Qwen/Qwen3-4B-Instruct-2507", "Qwen3 4B Instruct", "Good all round; answers at once.", 8.1, APACHE),
    Suggestion("Qwen/Qwen3-8B", "Qwen3 8B", "Harder questions, code; thinks. Best on a GPU.", 16.4, APACHE),
    Suggestion("Qwen/Qwen3-32B", "Qwen3 32B", "The best answers of these, for a large GPU.", 65.5, APACHE),
    Suggestion(
        "stable-diffusion-v1-5/stable-diffusion-v1-5", "Stable Diffusion 1.5", "Pictures of 512 × 512 pixels.", 4.3,
        "LicenseRef-creativeml-openrail-m", draws=True,
    ),
    Suggestion(
        "stabilityai/stable-diffusion-xl-base-1.0", "Stable Diffusion XL", "Pictures of 1024 × 1024. Best on a GPU.",
        13.9, "LicenseRef-openrail++", draws=True,
    ),
)  # fmt: skip
