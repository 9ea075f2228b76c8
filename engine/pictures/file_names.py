"""Names for files of pictures: words of the prompt and the seed, safe on every system."""

from __future__ import annotations

import re
import unicodedata

WORD = re.compile(r"\w+")
MAX_WORDS, MAX_CHARACTERS = 8, 60


def file_name(prompt: str, seed: int, extension: str) -> str:
    """`a-red-apple-42.png`. Letters of all languages stay; nothing else of the prompt does."""
    words = WORD.findall(unicodedata.normalize("NFC", prompt[:1000]).lower())[:MAX_WORDS]
    stem = "-".join(words).replace("_", "-")[:MAX_CHARACTERS].strip("-")
    return f"{stem or 'picture'}-{seed}{extension}"


class UniqueNames:
    """Each name once: the second of two equal ones gets a number. Capitals make no difference, as on many disks."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def take(self, name: str) -> str:
        stem, dot, extension = name.rpartition(".")
        number, chosen = 1, name
        while chosen.casefold() in self._taken:
            number += 1
            chosen = f"{stem}-{number}{dot}{extension}"
        self._taken.add(chosen.casefold())
        return chosen
