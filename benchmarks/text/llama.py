"""llama.cpp as a contender: its own batch API, with requests that join and leave at any step, as a server would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.text.work import Request

TOKENS_A_CALL = 512
"""Its default for how many tokens are computed at once."""


def name_of(file: Path) -> str:
    return f"llama.cpp, {file.stem}"


class LlamaCpp:
    """One GGUF file, `sequences` at a time. Needs the package llama-cpp-python, which the project doesn't."""

    def __init__(self, file: Path, *, sequences: int, context: int, threads: int) -> None:
        import llama_cpp

        self._api: Any = llama_cpp
        self._silent = llama_cpp.llama_log_callback(lambda level, text, data: None)
        llama_cpp.llama_log_set(self._silent, None)
        self._sequences = sequences
        settings = llama_cpp.llama_context_default_params()
        settings.n_ctx = sequences * context
        settings.n_batch = settings.n_ubatch = TOKENS_A_CALL
        settings.n_seq_max = sequences
        settings.n_threads = settings.n_threads_batch = threads
        settings.kv_unified = True
        self._model = llama_cpp.llama_model_load_from_file(str(file).encode(), llama_cpp.llama_model_default_params())
        self._context = llama_cpp.llama_init_from_model(self._model, settings)
        self._memory = llama_cpp.llama_get_memory(self._context)
        self._batch = llama_cpp.llama_batch_init(TOKENS_A_CALL, 0, 1)
        self._vocabulary = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(self._model))

    def run(self, work: list[Request]) -> list[list[int]]:
        """Greedy, end tokens ignored. Decodes come first in each call, then as much of waiting prompts as fits."""
        made: list[list[int]] = [[] for _ in work]
        waiting, free = list(range(len(work)))[::-1], list(range(self._sequences))[::-1]
        running: dict[int, int] = {}  # number of the request: its sequence
        read: dict[int, int] = {}
        while waiting or running:
            while waiting and free:
                number = waiting.pop()
                running[number], read[number] = free.pop(), 0
            for number in self._step(work, made, running, read):
                if len(made[number]) == work[number].tokens:
                    sequence = running.pop(number)
                    self._api.llama_memory_seq_rm(self._memory, sequence, -1, -1)
                    free.append(sequence)
        return made

    def _step(
        self, work: list[Request], made: list[list[int]], running: dict[int, int], read: dict[int, int]
    ) -> list[int]:
        """Returns the numbers of the requests that got a token."""
        batch, places = self._batch, dict[int, int]()
        batch.n_tokens = 0
        for number, sequence in running.items():
            if made[number]:
                position = len(work[number].prompt) + len(made[number]) - 1
                places[number] = self._put(made[number][-1], position, sequence, wanted=True)
        for number, sequence in running.items():
            prompt, begin = work[number].prompt, read[number]
            end = min(len(prompt), begin + TOKENS_A_CALL - batch.n_tokens)
            for position in range(begin, end):
                last = position == len(prompt) - 1
                place = self._put(prompt[position], position, sequence, wanted=last)
                if last:
                    places[number] = place
            read[number] = max(begin, end)
        if status := self._api.llama_decode(self._context, batch):
            raise RuntimeError(f"llama_decode returned {status}.")
        for number, place in places.items():
            logits = self._api.llama_get_logits_ith(self._context, place)
            made[number].append(int(np.ctypeslib.as_array(logits, (self._vocabulary,)).argmax()))
        return list(places)

    def _put(self, token: int, position: int, sequence: int, *, wanted: bool) -> int:
        """Into the batch; `wanted` are the logits behind it. Returns its place."""
        batch, place = self._batch, self._batch.n_tokens
        batch.token[place], batch.pos[place] = token, position
        batch.n_seq_id[place], batch.seq_id[place][0] = 1, sequence
        batch.logits[place] = wanted
        batch.n_tokens += 1
        return int(place)
