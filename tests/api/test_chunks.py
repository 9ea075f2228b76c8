"""What a program has been sent at the end of a stream is the answer that is stored, or it is told that it isn't."""

from __future__ import annotations

from time import process_time
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from apps.api.actions import create_token
from apps.api.asking import ask
from apps.api.chat_answer import Chunks, completion
from apps.api.chat_request import ChatRequest, read_chat_request
from apps.api.following import ended_row
from apps.api.growing import Growing
from apps.catalog.models import HostedModel
from apps.generations import events
from apps.generations.actions import wipe_content
from apps.generations.errors import Refused
from apps.generations.models import GenerationJob, State
from apps.generations.said import Said
from engine.answers import Answer
from tests.generations.conftest import model, settings_of_tests, tiny_store
from tests.world import World

__all__ = ["model", "settings_of_tests", "tiny_store"]
ASKED = read_chat_request({"model": "tiny", "messages": [{"role": "user", "content": "Hello"}], "stream": True})
CALL = {"name": "weather", "arguments": '{"place": "Bremen"}', "valid": True}
OTHER = CALL | {"arguments": '{"place": "Kiel"}'}


@pytest.fixture
def job(world: World, model: HostedModel) -> GenerationJob:
    token, _ = create_token(actor=world.editor, project=world.project, name="Notebook", days=30)
    return ask(token, ASKED)


def ends(job: GenerationJob, **stored: Any) -> GenerationJob:
    """The job once it has ended so."""
    end = {"state": State.SUCCEEDED, "finish_reason": "stop"} | stored
    GenerationJob.objects.filter(pk=job.pk).update(**end)
    return ended_row(job.pk)


def heard(job: GenerationJob, told: list[dict[str, Any]], **stored: Any) -> tuple[dict[str, str], str]:
    """What was sent of each part, tool calls as their arguments, and the reason of the end."""
    chunks = Chunks(job, ASKED)
    sent = [chunk for event in told for chunk in chunks.after(event)]
    sent += chunks.end(ends(job, **stored))
    parts = {"content": "", "reasoning_content": "", "tool_calls": ""}
    for chunk in sent:
        for name, new in chunk["choices"][0]["delta"].items():
            parts[name] += new if isinstance(new, str) else "".join(call["function"]["arguments"] for call in new)
    return {name: text for name, text in parts.items() if text}, sent[-1]["choices"][0]["finish_reason"]


def said(text: str, offset: int = 0) -> dict[str, Any]:
    return events.text(offset, text, 1)


def thought(text: str) -> dict[str, Any]:
    return events.reasoning(0, text, 1, 1.0)


def test_what_nobody_told_is_sent_at_the_end(job: GenerationJob) -> None:
    stored = {"output": "Hello there", "reasoning": "A greeting.", "tool_calls": [CALL, OTHER]}
    told = [thought("A greet"), said("Hello"), events.tool_call(0, CALL, 3)]
    parts = {
        "content": "Hello there",
        "reasoning_content": "A greeting.",
        "tool_calls": CALL["arguments"] + OTHER["arguments"],
    }
    assert heard(job, told, **stored) == (parts, "tool_calls")


@pytest.mark.parametrize("told", [[], [{"kind": "finish", "text": "Hello", "reasoning": "", "tool_calls": []}]])
def test_an_answer_of_which_only_the_end_is_told(job: GenerationJob, told: list[dict[str, Any]]) -> None:
    assert heard(job, told, output="Hello") == ({"content": "Hello"}, "stop")


@pytest.mark.parametrize(
    "rest",
    [
        {"output": "Hello"},
        {"output": "Hello there, you", "tool_calls": [OTHER]},
        {"output": "Hello there, you", "tool_calls": []},
    ],
    ids=["less", "another call", "no call"],
)
def test_another_attempt_that_ends_otherwise_is_told(job: GenerationJob, rest: dict[str, Any]) -> None:
    told = [said("Hello there, you"), events.tool_call(0, CALL, 3), events.RESET]
    with pytest.raises(Refused, match="began it with other words"):
        heard(job, told, **rest)


def test_another_attempt_that_calls_something_else_is_told_at_once(job: GenerationJob) -> None:
    chunks = Chunks(job, ASKED)
    list(chunks.after(events.tool_call(0, CALL, 3)))
    assert not list(chunks.after(events.RESET))
    with pytest.raises(Refused, match="began it with other words"):
        list(chunks.after(events.tool_call(0, OTHER, 3)))


def test_a_long_answer_takes_no_more_work_for_each_of_its_words(job: GenerationJob) -> None:
    """Of the processor's time; one that was looked through again with each word took six seconds."""
    chunks, words, began = Chunks(job, ASKED), ["abc🎉"] * 50_000, process_time()
    told = [said(word, place * 4) for place, word in enumerate(words)]
    sent = [chunk for event in (*told, events.RESET, *told) for chunk in chunks.after(event)]
    assert "".join(chunk["choices"][0]["delta"]["content"] for chunk in sent) == "".join(words)
    assert process_time() - began < 3


WORDS = st.lists(st.sampled_from(["a", "be", "🎉", ""]), max_size=8)


@given(st.lists(st.tuples(WORDS, st.booleans()), max_size=4), WORDS)
def test_whatever_attempts_say_is_sent_once_or_is_another_answer(
    attempts: list[tuple[list[str], bool]], last: list[str]
) -> None:
    """Each says its words, or all of them at once; the last one is what is stored."""
    growing, sent, refused = Growing(), "", False
    try:
        for words, at_once in attempts:
            text = ""
            for word in words:
                told = events.snapshot(Said(text + word)) if at_once else said(word, len(text))
                sent += "".join(segment.text for segment in growing.after(told) if isinstance(segment, Answer))
                text += word
            list(growing.after(events.RESET))
        stored = GenerationJob(output="".join(last), tool_calls=[])
        sent += "".join(segment.text for segment in growing.rest(stored) if isinstance(segment, Answer))
    except Refused:
        refused = True
    agree = all("".join(last).startswith("".join(words)) for words, _ in attempts)
    assert refused != agree
    assert refused or sent == stored.output


def test_thoughts_that_are_hidden_meanwhile_are_no_other_answer(job: GenerationJob) -> None:
    HostedModel.objects.update(reasoning="hidden")
    told = [thought("A greet"), said("Hello")]
    parts = {"content": "Hello", "reasoning_content": "A greet"}
    assert heard(job, told, output="Hello", reasoning="A greeting.") == (parts, "stop")


def test_an_answer_whose_time_was_over_is_what_was_written(job: GenerationJob) -> None:
    cut = {"state": State.CANCELLED, "finish_reason": "cancelled", "error_code": "deadline", "error_message": "Late."}
    assert heard(job, [said("Hello")], output="Hello", **cut) == ({"content": "Hello"}, "length")
    choice = completion(ended_row(job.pk), ASKED)["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("Hello", "length")


def test_an_answer_that_was_erased_is_none(job: GenerationJob) -> None:
    ends(job, output="Hello")
    wipe_content([job.pk])
    with pytest.raises(Refused, match="erased"):
        ended_row(job.pk)


@pytest.mark.parametrize("known", [["call00003"], ["call00007", "call00002"], ["call00003", "call" + "9" * 5000, "x"]])
def test_calls_get_ids_that_no_other_has(job: GenerationJob, known: list[str]) -> None:
    """Programs leave the oldest messages of a long conversation out."""
    calls = [{"id": name, "type": "function", "function": {"name": "f", "arguments": "{}"}} for name in known]
    asked: ChatRequest = ASKED._replace(messages=[{"role": "assistant", "content": "", "tool_calls": calls}])
    message = completion(ends(job, output="", tool_calls=[CALL, OTHER]), asked)["choices"][0]["message"]
    ids = [call["id"] for call in message["tool_calls"]]
    assert len({*ids, *known}) == len(known) + 2
    assert {len(name) for name in ids} == {9}
