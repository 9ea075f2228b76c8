"""What the demo plays: sign up, project, conversation, prompt, tokens, timing line."""

from __future__ import annotations

import sys
import time
from typing import Any

from aiplatform.demo import DemoFailed
from aiplatform.demo.listener import events
from aiplatform.demo.visitor import Visitor


def play(url: str, prompt: str) -> None:
    """Raises DemoFailed unless a worker wrote a real completion."""
    visitor = Visitor(url)
    try:
        print(f"signed up as {visitor.sign_up()} at {url}")
        project = visitor.create_project("Demo")
        conversation = visitor.create_conversation(project)
        print(f"project {project}, conversation {conversation}\n\n> {prompt}\n")
        _follow(visitor, conversation, prompt)
    finally:
        visitor.close()


def _follow(visitor: Visitor, conversation: str, prompt: str) -> None:
    began = time.perf_counter()
    job = visitor.send(conversation, prompt)["job"]["id"]
    first: float | None = None
    written = ""
    for event in events(visitor, conversation, job):
        shown = _text_of(event, written)
        if shown and first is None:
            first = time.perf_counter() - began
        written = written[: event["offset"]] + shown if event["kind"] == "text" else _restart(event, written)
        _write(shown)
        if event["kind"] == "finish":
            _conclude(event, written, first)


def _text_of(event: dict[str, Any], written: str) -> str:
    """What of the event's text is to be printed."""
    if event["kind"] == "text":
        return str(event["text"])
    if event["kind"] in {"snapshot", "finish"} and event.get("text", "").startswith(written):
        return str(event["text"][len(written) :])
    return ""


def _restart(event: dict[str, Any], written: str) -> str:
    if event["kind"] == "reset":
        _write("\n(the worker was lost; another one starts over)\n")
        return ""
    return str(event.get("text") or written) if event["kind"] in {"snapshot", "finish"} else written


def _conclude(event: dict[str, Any], written: str, first: float | None) -> None:
    usage = event.get("usage") or {}
    print("\n")
    if event.get("state") != "succeeded" or not usage.get("completion_tokens") or not written.strip():
        raise DemoFailed(event.get("error") or f"The job ended as {event.get('state')} without a completion.")
    print(
        f"queue {_number(usage['queue_ms'])} ms · TTFT {_number(usage['ttft_ms'])} ms · "
        f"{_number(usage['tokens_per_second'])} tok/s · {usage['completion_tokens']} tokens "
        f"(prompt {usage['prompt_tokens']}) · first text at the client after {_number((first or 0) * 1000)} ms"
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
