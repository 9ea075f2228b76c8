"""A real model that knows one text by heart: it thinks, answers and asks for tools like a large one, token for token.

Its layers add nothing; every token of the text is a direction of its own, and the output layer turns each one into the
next. So the tokens and the weights are real, and what it says is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import torch
import transformers
from tokenizers import AddedToken

from tests.engine.tiny import make_tokenizer

TURNS = (
    "{% for tool in tools or [] %}<|system|>{{ tool | tojson }}<|end|>{% endfor %}"
    "{% for message in messages %}{% set content = message['content'].split('</think>')[-1] %}"
    "<|{{ message['role'] }}|>{{ content }}{% for call in message['tool_calls'] or [] %}"
    "{{ call.function.name }}{{ call.function.arguments | tojson }}{% endfor %}<|end|>{% endfor %}"
    "{# <tool_call> #}<|assistant|>"
)
THINKING = f"{TURNS}<think>"
"""Opens the reasoning, as that of R1 does; it looks like Qwen's."""
LOUD = 4.0  # makes the next token certain at any temperature that people may choose


def make_reciter(
    folder: Path, pieces: Sequence[str], *, template: str = THINKING, after: str = "<think>", layers: int = 1
) -> Path:
    """A Llama in `folder` that says `pieces`, each of them a token and all different, where a prompt ends with the
    token `after`. More layers only make it slower."""
    assert len({after, *pieces}) == len(pieces) + 1, "every token has one successor"
    tokenizer = make_tokenizer()
    tokenizer.add_tokens([AddedToken(text, special=False, normalized=False) for text in (after, *pieces)])
    tokenizer.chat_template = template
    chain = [tokenizer.convert_tokens_to_ids(text) for text in (after, *pieces, "<|end|>")]
    width = -(-len(chain) // 16) * 16
    config = transformers.LlamaConfig(
        hidden_size=width, intermediate_size=16, num_hidden_layers=layers, num_attention_heads=4, num_key_value_heads=1,
        max_position_embeddings=2048, vocab_size=len(tokenizer), eos_token_id=1, pad_token_id=0,
    )  # fmt: skip
    model = transformers.LlamaForCausalLM(config).to(torch.bfloat16).eval()
    _teach(model, chain)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@torch.no_grad()
def _teach(model: transformers.LlamaForCausalLM, chain: Sequence[int]) -> None:
    for name, weight in model.named_parameters():
        if "norm" not in name:
            weight.zero_()
    for direction, (token, following) in enumerate(pairwise(chain)):
        model.model.embed_tokens.weight[token, direction] = 1.0
        model.lm_head.weight[following, direction] = LOUD
