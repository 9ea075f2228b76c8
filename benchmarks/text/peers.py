"""transformers' own ways beside ours, on the same weights: slow, so they get a part of the work, once."""

from __future__ import annotations

from typing import Any

from benchmarks.text import contenders
from benchmarks.text.rounds import seconds, tell
from benchmarks.text.work import Request, made

PEERS = {"continuous": "paged|sdpa", "static": "sdpa"}
"""With the attention they compute with where no other packages are installed."""


def beside(name: str, theirs: Any, work: list[Request], ours: contenders.Made, rate: float) -> dict[str, Any]:
    """ours: what our engine wrote, `rate` tokens a second. What goes wrong in a peer is told, and the rest goes on."""
    written: contenders.Made = []

    def run(some: list[Request]) -> None:
        if name == "continuous":
            written[:] = contenders.continuous_batching(theirs, some)
        else:
            written[:] = contenders.static_batches(theirs, some, len(some))

    try:
        run([Request(one.prompt, 4) for one in work[:4]])
        theirs_rate = made(work) / seconds(lambda: run(work))
    except Exception as error:
        tell(f"{name} failed: {type(error).__name__}: {error}")
        return {"error": f"{type(error).__name__}: {error}"[:500]}
    tell(
        f"{name}, {len(work)} sequences: {theirs_rate:.0f} tokens/s; ours makes {rate / theirs_rate:.2f} times as many"
    )
    return {
        "tokens_per_second": round(theirs_rate, 1),
        "ours_over": round(rate / theirs_rate, 2),
        "alike_until": round(alike_until(written, ours), 3),
    }


def alike_until(written: contenders.Made, others: contenders.Made) -> float:
    """Which part of the tokens comes before the first of a sequence that differs. There may be more of `others`."""
    until = 0
    for one, other in zip(written, others, strict=False):
        pairs = enumerate(zip(one, other, strict=True))
        until += next((place for place, (a, b) in pairs if a != b), len(one))
    return until / sum(len(one) for one in written)
