"""The text engine beside what one would use otherwise, on the same seeded work: one line of JSON.

    python -m benchmarks.text FOLDER [--peers all|none|generate,static,continuous,llama.cpp] [--plot FILE.svg]
    python -m benchmarks.text [--device cuda] [--shape llama-1b|llama-8b] [--peers all|none|continuous,static]

Progress, and at the end tables for people, go to the other output (see `report`). The machine's own rates and the
roofline that follows from them stand beside what was found.

A FOLDER is measured on a processor. W1, offline: 64 sequences, 16–256 tokens in and out, end tokens ignored;
contenders take turns A B C A B C and ratios are of the same round, above 1 where ours is faster. `generate` one by one
and transformers' continuous batching take long, so they get every eighth sequence and are compared by tokens a second.
With `--weights` ours runs with rounded weights too; the peers keep full ones. With GGUF files of the same model
llama.cpp does all of W1 too, and each phase alone: decodes of 32, of one sequence, and prompts. W2, online: Poisson
arrivals, half of them with a known beginning; and the time between tokens while a 1,500-token prompt is read.

A shape, which is what a GPU gets, is a well-known model's with random weights made there. 256 sequences of 100–1024
tokens in and out, all at once. Before anything is timed, a small model in float32 must write what `generate` writes.
The peers are transformers' continuous batching and `generate` in one static batch; they take long, so they get the
first sequences of the same work, once, and are compared by tokens a second (several numbers of sequences: each in
turn, since neither is fastest with most). They share the weights with ours. Then one sequence alone. `--profile`:
tables of where the time of a decode pass goes, instead of W1.
"""

from __future__ import annotations

import json
import sys

import torch

from benchmarks.text import of_folder, of_shape, report
from benchmarks.text.options import parsed


def main() -> int:
    options = parsed(__doc__ or "")
    torch.set_num_threads(options.threads)
    result = (of_folder if options.kind == "folder" else of_shape).measured(options)
    if "W1" in result:
        report.tell(result, options.plot)
    print(json.dumps(result), flush=True)
    return 0 if result["greedy_equal_in_float32"] else 1


if __name__ == "__main__":
    sys.exit(main())
