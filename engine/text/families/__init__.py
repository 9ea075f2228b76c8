"""What differs between model families, one file each; everything else treats them alike."""

from engine.architectures import is_own
from engine.text.families.any import AnyCausalModel
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
    if not is_own(architecture):
        return AnyCausalModel()
    return FAMILIES.get(architecture, GroupedQueries())
