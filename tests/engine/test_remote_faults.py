"""Upstreams that misbehave, on raw sockets: one finish event each, with a sentence, and nothing asked for twice."""

from __future__ import annotations

import threading
from time import monotonic
from typing import Any

import pytest

from engine.remote.addresses import AddressRules
from engine.types import FinishReason, GenerationRequest, SamplingParams, TextEvent
from tests.engine.faulty_server import (
    DONE,
    HEAD,
    Connection,
    Script,
    answers,
    chunk,
    faulty,
    hangs_up,
    says,
    then_hangs,
)
from tests.engine.recorder import Recorder
from tests.engine.remote_source import ask, remote_engine

GOOD = says(chunk("Hello"), chunk(" there", "stop"), chunk(usage={"prompt_tokens": 9, "completion_tokens": 2}), DONE)
TYPE = "Content-Type: text/event-stream"
KEY = "sk-a-secret-of-ours"
SECONDS = {"first_token_seconds": 60.0, "between_tokens_seconds": 60.0}


def told(*scripts: Script, **more: Any) -> tuple[Recorder, int]:
    """What comes of one request, and how often the server was asked."""
    with faulty(*scripts) as server, remote_engine(server.url, **SECONDS | more) as engine:
        recorder = ask(engine)
        recorder.finish()
        return recorder, len(server.connections)


@pytest.mark.parametrize(
    "script",
    [hangs_up, answers("503 Unavailable"), answers("502 Bad Gateway"), answers("429 Slow", "Retry-After: 0"), says(),
     says(b": only a comment\n\n"), says(b'data: {"choices": [{"delta": {"role": "assistant"}}]}\n\n')],
)  # fmt: skip
def test_before_the_first_token_it_is_asked_again(script: Script) -> None:
    recorder, asked = told(script, script, GOOD)
    last = recorder.finish()
    assert (recorder.text, last.reason, asked) == ("Hello there", FinishReason.STOP, 3)
    assert (last.usage.prompt_tokens, last.usage.completion_tokens, last.usage.estimated) == (9, 2, False)


@pytest.mark.parametrize(
    ("script", "code", "sentence"),
    [
        (hangs_up, "upstream_broken", "closed the connection"),
        (answers("503 Unavailable"), "upstream_busy", "no room for this request now (503)"),
    ],
)
def test_four_times_at_most(script: Script, code: str, sentence: str) -> None:
    recorder, asked = told(script)
    assert (recorder.finish().error_code, asked) == (code, 4)
    assert sentence in recorder.finish().error


def test_after_the_first_token_nothing_is_asked_again() -> None:
    recorder, asked = told(says(chunk("Half an ans")), GOOD)
    last = recorder.finish()
    assert (recorder.text, last.error_code, asked) == ("Half an ans", "upstream_broken", 1)
    assert (last.usage.completion_tokens, last.usage.estimated) == (1, True)


def test_a_wait_that_is_asked_for_is_kept() -> None:
    began = monotonic()
    recorder, asked = told(answers("429 Slow", "Retry-After: 1"), GOOD)
    assert (recorder.text, asked) == ("Hello there", 2)
    assert monotonic() - began >= 1


def test_a_wait_that_is_too_long_is_said() -> None:
    recorder, asked = told(answers("429 Slow", "Retry-After: 3600"), GOOD)
    assert (recorder.finish().error_code, asked) == ("upstream_busy", 1)
    assert "asks to wait 3,600 seconds" in recorder.finish().error


@pytest.mark.parametrize(
    ("script", "code", "sentence"),
    [
        (answers("500 Oops", body=b'{"error": {"message": "No CUDA.\\u0007"}}'), "upstream_failed", "(500): “No CUDA”"),
        (answers("500 Oops", body=b"<html>" + b"x" * 99999), "upstream_failed", "failed (500). Try again later."),
        (answers("401 No", body=KEY.encode()), "upstream_refused", "does not accept our key (401)"),
        (answers("422 No", body=b'{"detail": "Bad ' + KEY.encode() + b'"}'), "upstream_refused", "(422): “Bad …”"),
        (answers("307 Go", "Location: http://127.0.0.1:1/"), "upstream_broken", "sent us elsewhere (307)"),
        (answers("200 OK", "Content-Type: application/json", body=b"{}"), "upstream_broken", "'application/json'"),
        (answers("200 OK", TYPE, "Content-Encoding: gzip"), "upstream_broken", "compressed its answer"),
        (lambda connection: connection.send(b"SSH-2.0-OpenSSH\r\n\r\n"), "upstream_broken", "closed the connection"),
        (says(b""), "upstream_broken", "without a word of an answer"),
        (says(chunk("x")), "upstream_broken", "in the middle"),
        (says(b"data: {garbage\n\n"), "upstream_broken", "no JSON"),
        (says(b"data: " + b"[" * 100_000 + b"\n\n"), "upstream_broken", "sent"),
        (says(b"data: " + b"1" * 100_000 + b"\n\n"), "upstream_broken", "no JSON"),
        (says(b"data: [1, 2]\n\n"), "upstream_broken", "no chunk of an answer"),
        (says(b"data: " + b"x" * 300_000), "upstream_broken", "line without end"),
        (says(b"data: xxxxxxxx\n" * 30_000), "upstream_broken", "event without end"),
        (says(b'data: {"error": {"message": "Preempted."}}\n\n'), "upstream_failed", "wrote this answer: “Preempted”"),
        (says(b'data: {"object": "error", "message": "Lost."}\n\n'), "upstream_failed", "“Lost”"),
        (says(chunk("x", "content_filter")), "content_filter", "content filter objected"),
        (says(chunk("x", "abort")), "upstream_broken", "gave up on this answer ('abort')"),
        (says(b'data: {"error": "the context length is 8 tokens"}\n\n'), "context_overflow", "reads 8 tokens at most"),
    ],
)  # fmt: skip
def test_every_fault_is_one_end_with_its_sentence(script: Script, code: str, sentence: str) -> None:
    recorder, _ = told(script, api_key=KEY)
    last = recorder.finish()
    assert (last.reason, last.error_code) == (FinishReason.ERROR, code)
    assert sentence in last.error
    assert KEY not in last.error
    assert len(last.error) < 400


@pytest.mark.parametrize(
    ("sent", "limit", "sentence"),
    [
        ((), "first_token_seconds", "did not begin to answer within 0.5 seconds"),
        ((HEAD,), "first_token_seconds", "did not begin to answer within 0.5 seconds"),
        ((HEAD, chunk("Well")), "between_tokens_seconds", "fell silent for 0.5 seconds in the middle"),
    ],
)
def test_a_silent_server_is_not_waited_for(sent: tuple[bytes, ...], limit: str, sentence: str) -> None:
    recorder, asked = told(then_hangs(*sent), **{limit: 0.5})
    assert (recorder.finish().error_code, asked) == ("upstream_timeout", 1)
    assert sentence in recorder.finish().error


def test_keeping_a_connection_alive_is_no_progress() -> None:
    def script(connection: Any) -> None:
        connection.send(HEAD)
        while True:
            connection.send(b": ping\n\n")
            if connection.closed.wait(0.05):
                return

    recorder, _ = told(script, first_token_seconds=0.5)
    assert recorder.finish().error_code == "upstream_timeout"


@pytest.mark.parametrize(
    ("script", "text", "code"),
    [
        (then_hangs(HEAD), "", "deadline"),
        (then_hangs(HEAD, chunk("Half an ans")), "Half an ans", "deadline"),
        (then_hangs(HEAD, chunk("All of it.", "stop")), "All of it.", ""),
        (answers("503 Busy", "Retry-After: 300"), "", "deadline"),
    ],
)
def test_a_deadline_counts_everything_but_what_comes_after_the_last_word(script: Script, text: str, code: str) -> None:
    with faulty(script) as server, remote_engine(server.url, **SECONDS) as engine:
        recorder = Recorder("one")
        engine.submit(
            GenerationRequest("one", "far", (), messages=({"role": "user", "content": "Hi"},), deadline_seconds=0.5),
            recorder,
        )
        last = recorder.finish()
        assert (recorder.text, last.error_code) == (text, code)
        assert server.connections[0].closed.wait(60)
        assert len(server.connections) == 1


def test_cancel_closes_the_connection_at_once() -> None:
    with faulty(then_hangs(HEAD, chunk("Once"))) as server, remote_engine(server.url, **SECONDS) as engine:
        recorder = ask(engine, on_event=lambda event: engine.cancel("one") if isinstance(event, TextEvent) else None)
        assert recorder.finish().reason == FinishReason.CANCELLED
        assert server.connections[0].closed.wait(60)
        assert recorder.text == "Once"


def test_cancel_while_it_waits_to_ask_again() -> None:
    busy = answers("503 Unavailable", "Retry-After: 300")
    with faulty(busy) as server, remote_engine(server.url, **SECONDS) as engine:
        recorder = ask(engine)
        assert server.was_asked.wait(60)
        assert server.connections[0].closed.wait(60)
        engine.cancel("one")
        assert recorder.finish().reason == FinishReason.CANCELLED
        assert recorder.finish().usage.device_ms == 0


def test_stopping_ends_what_is_open_and_says_so() -> None:
    with faulty(then_hangs(HEAD, chunk("Once"))) as server, remote_engine(server.url, **SECONDS) as engine:
        came = threading.Event()
        recorder = ask(engine, on_event=lambda event: came.set() if isinstance(event, TextEvent) else None)
        assert came.wait(60)
        engine.stop(drain_seconds=0)
        assert recorder.finish().error_code == "shutdown"
        assert server.connections[0].closed.wait(60)


def test_a_torn_character_comes_whole_and_hostile_text_stays_text() -> None:
    torn = [
        b'data: {"choices": [{"delta": {"content": "a\\ud83d"}}]}\n\n',
        b'data: {"choices": [{"delta": {"content": "\\ude00"}}]}\n\n',
    ]
    pieces = [bytes([each]) for each in chunk("é<script>\u0000日本", "length")]
    recorder, _ = told(lambda connection: connection.send(HEAD, *torn, *pieces, DONE))
    assert recorder.text == "a😀é<script>\u0000日本"
    assert recorder.finish().reason == FinishReason.LENGTH
    lone, _ = told(says(b'data: {"choices": [{"delta": {"content": "\\ud83d"}, "finish_reason": "stop"}]}\n\n'))
    assert lone.text == "\ufffd"


def test_what_comes_after_the_last_word_changes_nothing() -> None:
    recorder, _ = told(says(chunk("Fine.", "stop"), b"data: {garbage\n\n"))
    assert (recorder.text, recorder.finish().reason, recorder.finish().usage.estimated) == (
        "Fine.",
        FinishReason.STOP,
        True,
    )


def test_reasoning_is_told_apart_from_the_answer() -> None:
    thinks = [b'data: {"choices": [{"delta": {"reasoning_content": "Hm."}}]}\n\n'] * 3
    recorder, asked = told(says(*thinks, chunk("Yes.", "stop"), DONE))
    usage = recorder.finish().usage
    assert (recorder.text, recorder.reasoning) == ("Yes.", "Hm.Hm.Hm.")
    assert (usage.completion_tokens, usage.reasoning_tokens) == (4, 3)
    broken, asked = told(says(*thinks), GOOD)
    assert (broken.finish().error_code, asked) == ("upstream_broken", 1)


def test_an_answer_without_end_is_cut() -> None:
    def script(connection: Any) -> None:
        connection.send(HEAD)
        while not connection.closed.is_set():
            connection.send(chunk("x" * 1000))

    with faulty(script) as server, remote_engine(server.url, **SECONDS) as engine:
        recorder = ask(engine, params=SamplingParams(max_tokens=100))
        last = recorder.finish()
    assert (last.reason, len(recorder.text)) == (FinishReason.LENGTH, 6400)


@pytest.mark.parametrize(
    "counted",
    [
        {"prompt_tokens": -1, "completion_tokens": 5},
        {"prompt_tokens": 10**12, "completion_tokens": 1},
        {"prompt_tokens": True, "completion_tokens": "2"},
        "many",
    ],
)
def test_a_count_that_is_nonsense_is_not_believed(counted: Any) -> None:
    recorder, _ = told(says(chunk("Fine.", "stop"), chunk(usage=counted), DONE))
    usage = recorder.finish().usage
    assert (usage.completion_tokens, usage.estimated) == (1, True)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "2130706433", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"]
)
def test_private_addresses_are_refused_at_the_connection(host: str) -> None:
    with faulty(GOOD) as server, remote_engine(f"http://{host}:{server.port}/v1", AddressRules()) as engine:
        last = ask(engine).finish()
        assert (last.error_code, server.connections) == ("upstream_refused", [])
        assert "UPSTREAM_ALLOWED_NETWORKS" in last.error


def test_a_host_that_is_allowed_by_name() -> None:
    rules = AddressRules.parse(["Localhost."])
    with faulty(GOOD) as server, remote_engine(f"http://localhost:{server.port}/v1", rules) as engine:
        recorder = ask(engine)
        recorder.finish()
    assert recorder.text == "Hello there"


def test_a_server_without_tls_behind_https() -> None:
    def speaks_plainly(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with faulty(speaks_plainly, reads=False) as server:
        with remote_engine(server.url.replace("http:", "https:")) as engine:
            last = ask(engine).finish()
        assert (last.error_code, len(server.connections)) == ("upstream_unreachable", 1)
        assert "or it speaks no TLS" in last.error


def test_nobody_there() -> None:
    with faulty(GOOD) as server:
        url = server.url
    with remote_engine(url) as engine:
        assert "can't be reached: no connection could be made" in ask(engine).finish().error
    with remote_engine("http://no-such-host.invalid/v1") as engine:
        assert "its name could not be resolved" in ask(engine).finish().error
