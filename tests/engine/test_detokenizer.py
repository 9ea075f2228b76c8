"""Text comes at once and whole: characters, stop strings, and any token ids."""

from __future__ import annotations

import re

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from tokenizers import Tokenizer, decoders, models

from engine.text.answer import AnswerStream
from engine.text.detokenizer import Detokenizer, StopStrings
from tests.engine.tiny import make_tokenizer

TOKENIZER: Tokenizer = make_tokenizer().backend_tokenizer
TEXTS = [
    "Hello, world!",
    "日本語の文章です。",
    "ไม่มีช่องว่างระหว่างคำ",
    "👩‍👩‍👧‍👦🎉 ok 🏳️‍🌈",
    "naïve café",
    "نص عربي",
    "a\n\n  b\t",
]


@pytest.mark.parametrize("text", TEXTS)
def test_no_piece_holds_half_a_character(text: str) -> None:
    detokenizer = Detokenizer(TOKENIZER)
    pieces = [detokenizer.push(token) for token in TOKENIZER.encode(text).ids]
    assert not any("\ufffd" in piece for piece in pieces)
    assert "".join(pieces) == text
    assert detokenizer.finish() == ""


@settings(max_examples=400, deadline=None)
@given(st.lists(st.integers(0, TOKENIZER.get_vocab_size() - 1), max_size=60))
def test_any_tokens_add_up_to_the_decoded_whole(tokens: list[int]) -> None:
    detokenizer = Detokenizer(TOKENIZER)
    pieces = [detokenizer.push(token) for token in tokens]
    assert "".join(pieces) + detokenizer.finish() == TOKENIZER.decode(tokens, skip_special_tokens=True)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40), st.integers(0, 10))
def test_any_text_cut_anywhere_adds_up(text: str, cut: int) -> None:
    tokens = TOKENIZER.encode(text).ids[: -cut or None]
    detokenizer = Detokenizer(TOKENIZER)
    pieces = [detokenizer.push(token) for token in tokens]
    assert "".join(pieces) + detokenizer.finish() == TOKENIZER.decode(tokens, skip_special_tokens=True)


def test_a_character_is_shown_with_its_last_token() -> None:
    tokens = TOKENIZER.encode("🦊").ids
    assert len(tokens) > 1
    detokenizer = Detokenizer(TOKENIZER)
    pieces = [detokenizer.push(token) for token in tokens]
    assert pieces == [""] * (len(tokens) - 1) + ["🦊"]


def test_bytes_that_never_become_a_character_are_told_at_the_end() -> None:
    detokenizer = Detokenizer(TOKENIZER)
    pieces = [detokenizer.push(token) for token in TOKENIZER.encode("ab🦊").ids[:-1]]
    assert "".join(pieces) == "ab"
    assert set(detokenizer.finish()) == {"\ufffd"}


def fallback_tokenizer() -> Tokenizer:
    """As SentencePiece makes them (Llama 2, Mistral, Gemma): what has no token is spelled in bytes, and where bytes
    that follow each other are no text, each of them is a replacement character."""
    names = [*(f"<0x{byte:02X}>" for byte in range(256)), "▁hello", "▁world", "a"]
    made = Tokenizer(models.BPE(vocab={name: place for place, name in enumerate(names)}, merges=[], byte_fallback=True))
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    made.decoder = decoders.Sequence(steps)
    return made


FALLBACK = fallback_tokenizer()
HELLO, WORLD, ACUTE, BROKEN = 256, 257, list("é".encode()), 0xFF


@pytest.mark.parametrize(
    ("tokens", "told"),
    [
        ([HELLO, *ACUTE, WORLD, *ACUTE], "helloé worldé"),
        ([HELLO, BROKEN, WORLD], "hello\ufffd world"),
        ([HELLO, *ACUTE, BROKEN, WORLD, HELLO], "helloé\ufffd world hello"),
        ([*ACUTE, BROKEN, *ACUTE, WORLD], "é\ufffd\ufffd\ufffd world"),
        ([HELLO, *ACUTE, ACUTE[0]], "helloé\ufffd"),
    ],
)
def test_what_was_shown_of_broken_bytes_stands_and_the_text_goes_on(tokens: list[int], told: str) -> None:
    detokenizer = Detokenizer(FALLBACK)
    assert "".join(map(detokenizer.push, tokens)) + detokenizer.finish() == told


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(st.sampled_from([HELLO, WORLD, *ACUTE, BROKEN]), min_size=1, max_size=4), max_size=12))
def test_no_word_is_lost_behind_broken_bytes(pushes: list[list[int]]) -> None:
    """Whether its tokens are told one by one or several together."""
    detokenizer = Detokenizer(FALLBACK)
    told = "".join(detokenizer.push(*tokens) for tokens in pushes) + detokenizer.finish()
    words = [token for tokens in pushes for token in tokens if token in (HELLO, WORLD)]
    assert re.findall("hello|world", told) == ["hello" if word == HELLO else "world" for word in words]


def test_a_stop_string_is_cut_off_and_what_might_begin_one_is_held() -> None:
    stops = StopStrings(("</end>", "STOP"))
    assert stops.push("text <") == "text "
    assert stops.push("/e") == ""
    assert stops.push("x") == "</ex"
    assert stops.push("more ST") == "more "
    assert stops.push("OP and after") == ""
    assert stops.found
    assert stops.push("nothing") == ""


@settings(max_examples=500, deadline=None)
@given(st.lists(st.text("ab<", max_size=4), max_size=12), st.lists(st.text("ab<", min_size=1, max_size=4), max_size=3))
def test_any_cutting_of_the_text_gives_the_same_and_never_too_early(pieces: list[str], stops: list[str]) -> None:
    text = "".join(pieces)
    streamed, shown = StopStrings(stops), ""
    for piece in pieces:
        shown += streamed.push(piece)
        assert not any(stop in shown for stop in stops)
        assert text.startswith(shown)
        if streamed.found:
            break
    else:
        shown += streamed.finish()
    assert streamed.found == any(stop in text for stop in stops)
    if not streamed.found:
        assert shown == text
    else:
        assert any(text[len(shown) :].startswith(stop) for stop in stops)


def test_a_stop_string_that_ends_in_the_flushed_rest_still_stops() -> None:
    stream = AnswerStream(TOKENIZER, ("b\ufffd",), "plain", [])
    for token in TOKENIZER.encode("ab🦊").ids[:-1]:
        stream.push(token)
    assert stream.finish() == []
    assert stream.stopped
