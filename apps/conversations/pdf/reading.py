"""The child's side: the text of a PDF, page by page."""

from __future__ import annotations

import io
import re

from pypdf import PageObject, PdfReader, apply_configuration
from pypdf.errors import LimitReachedError

MAX_PAGES = 500
TRAILING = re.compile(r"[ \t\f\v]+\n")
GAPS = re.compile(r"\n{3,}")
DAMAGED = "It can't be read: it is damaged, or no PDF. Open it elsewhere and save it as a PDF anew."
LOCKED = "It is protected with a password. Save a copy without one, and add that."
WITHOUT_TEXT = (
    "There is no text in it that can be read: its pages are pictures, as scans are. Have its text recognised (OCR) "
    "first, or attach its pages as pictures for a model that sees."
)
TOO_MANY = "It has {:,} pages; up to {:,} are read. Save those that you need as a PDF of their own."
TOO_LONG = (
    "It is too long: its first {} of {} pages have more than the {:,} characters that a message takes. Save those that "
    "you need as a PDF of their own."
)


class UnreadableError(ValueError):
    """A sentence about what is wrong with the file."""


def read(data: bytes, most: int) -> str:
    """Its text, each page under its number, of up to `most` characters.

    Raises UnreadableError; and MemoryError, RecursionError or LimitReachedError where it takes too much."""
    with apply_configuration(jbig2dec_binary=None):  # no program is run for its pictures
        reader = _opened(data)
        pages = _count(reader)
        texts: list[str] = []
        length = 0
        for number in range(pages):
            texts.append(_text(reader, number))
            length += len(texts[-1])
            if length > most:
                raise UnreadableError(TOO_LONG.format(number + 1, pages, most))
    if not any(texts):
        raise UnreadableError(WITHOUT_TEXT)
    return "\n\n".join(_marked(number, text) for number, text in enumerate(texts, 1))


def _opened(data: bytes) -> PdfReader:
    if b"%PDF-" not in data[:1024]:
        raise UnreadableError(DAMAGED)
    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):  # one that limits only printing opens without any
            raise UnreadableError(LOCKED)
    except (UnreadableError, MemoryError, RecursionError, LimitReachedError):
        raise
    except Exception as error:  # whatever a damaged file brings the library to
        raise UnreadableError(DAMAGED) from error
    return reader


def _count(reader: PdfReader) -> int:
    try:
        pages = len(reader.pages)
    except (MemoryError, RecursionError, LimitReachedError):
        raise
    except Exception as error:
        raise UnreadableError(DAMAGED) from error
    if not pages:
        raise UnreadableError(DAMAGED)
    if pages > MAX_PAGES:
        raise UnreadableError(TOO_MANY.format(pages, MAX_PAGES))
    return pages


def _text(reader: PdfReader, number: int) -> str:
    """ "" where there is none, also where this page alone is damaged."""
    try:
        page: PageObject = reader.pages[number]
        found = page.extract_text()
    except (MemoryError, RecursionError, LimitReachedError):
        raise
    except Exception:
        return ""
    return GAPS.sub("\n\n", TRAILING.sub("\n", found)).strip()


def _marked(number: int, text: str) -> str:
    return f"[Page {number}]\n{text}" if text else f"[Page {number}: no text]"
