"""Seeded work: what is to be read and how much is to be written."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Request:
    prompt: list[int]
    tokens: int
    """To make; end tokens are ignored."""


def made(work: list[Request]) -> int:
    return sum(request.tokens for request in work)


def offline(sequences: int, vocabulary: int, *, shortest: int = 16, longest: int = 256, seed: int = 0) -> list[Request]:
    """W1: prompts and completions of uniformly random lengths."""
    generator = random.Random(seed)

    def tokens(count: int) -> list[int]:
        return [generator.randrange(10, vocabulary) for _ in range(count)]

    return [
        Request(tokens(generator.randint(shortest, longest)), generator.randint(shortest, longest))
        for _ in range(sequences)
    ]


def renewed(work: list[Request], vocabulary: int, *, seed: int) -> list[Request]:
    """Of the same lengths, with other prompts."""
    generator = random.Random(seed)
    return [Request([generator.randrange(10, vocabulary) for _ in one.prompt], one.tokens) for one in work]


def alike(sequences: int, vocabulary: int, *, read: int, made: int, seed: int = 0) -> list[Request]:
    """All of one size, to measure one phase: much to read and little to make, or the other way round."""
    generator = random.Random(seed)
    return [Request([generator.randrange(10, vocabulary) for _ in range(read)], made) for _ in range(sequences)]


@dataclass(frozen=True, slots=True)
class Arrival:
    at: float
    """Seconds after the beginning."""
    request: Request
    shares_prefix: bool


def online(requests: int, vocabulary: int, *, rate: float, prefix: int = 128, seed: int = 0) -> list[Arrival]:
    """W2: Poisson arrivals, log-normal lengths; every second request begins with the same `prefix` tokens."""
    generator = random.Random(seed)

    def tokens(count: int) -> list[int]:
        return [generator.randrange(10, vocabulary) for _ in range(count)]

    shared, at, arrivals = tokens(prefix), 0.0, []
    for number in range(requests):
        at += generator.expovariate(rate)
        own = min(256, max(4, round(generator.lognormvariate(3.0, 0.6))))
        made = min(128, max(4, round(generator.lognormvariate(3.0, 0.6))))
        begins = shared if number % 2 else tokens(prefix)
        arrivals.append(Arrival(at, Request(begins + tokens(own), made), bool(number % 2)))
    return arrivals
