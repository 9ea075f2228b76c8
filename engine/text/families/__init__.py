"""What differs between model families, one file each; everything else treats them alike."""

from engine.text.families.base import Family
from engine.text.families.deepseek import DeepSeek
from engine.text.families.gpt_oss import GptOss
from engine.text.families.grouped import GroupedQueries

__all__ = ["Family", "family_of"]

FAMILIES: dict[str, Family] = {
    "DeepseekV3ForCausalLM": DeepSeek(),
    "GptOssForCausalLM": GptOss(),
}


def family_of(architecture: str) -> Family:
    """How to run an architecture that `engine.architectures` supports."""
    return FAMILIES.get(architecture, GroupedQueries())
