"""A CLIP tokenizer whose words are the captions' own: each is one token, any other is spelt from pieces."""

from __future__ import annotations

import json
from collections.abc import Iterable

from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import CLIPTokenizer

START, END = "<|startoftext|>", "<|endoftext|>"


def train_tokenizer(captions: Iterable[str], *, vocabulary: int, words: int) -> CLIPTokenizer:
    """Byte pair encoding like CLIP's, from the captions; at most `vocabulary` tokens, prompts of `words` tokens."""
    bpe, splitting = Tokenizer(models.BPE(end_of_word_suffix="</w>")), CLIPTokenizer().backend_tokenizer
    bpe.normalizer, bpe.pre_tokenizer = splitting.normalizer, splitting.pre_tokenizer
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary - len(letters) - 2,
        initial_alphabet=letters,
        end_of_word_suffix="</w>",
        min_frequency=1,
        show_progress=False,
    )
    bpe.train_from_iterator(captions, trainer)
    learnt = json.loads(bpe.to_str())["model"]
    # CLIP's order: letters, letters that end a word, what was merged, the two marks.
    tokens = [*letters, *(f"{letter}</w>" for letter in letters)]
    tokens += [token for token in learnt["vocab"] if token not in set(tokens)]
    vocab = {token: number for number, token in enumerate([*tokens, START, END])}
    merges = [tuple(pair) if isinstance(pair, list) else tuple(pair.split(" ")) for pair in learnt["merges"]]
    return CLIPTokenizer(vocab=vocab, merges=merges, model_max_length=words)
