"""What a browser does with the events of a job: hold on to the text, and insist on their order."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from apps.generations.stream import follow


@dataclass
class Reader:
    job: str
    attempt: int = 0
    seq: int = 0
    text: str = ""
    reasoning: str = ""
    calls: list[dict[str, Any]] = field(default_factory=list)
    end: dict[str, Any] | None = None
    kinds: list[str] = field(default_factory=list)
    progress: list[dict[str, Any]] = field(default_factory=list)
    lent: int = 0
    """Characters that came as text or snapshot; more than the text itself would mean that something came twice."""

    def take(self, message: dict[str, Any]) -> None:
        assert self.end is None, "nothing comes after the finish"
        assert message["type"] == "job"
        assert message["job"] == self.job
        event = message["event"]
        self.kinds.append(event["kind"])
        if "seq" in message:
            if message["attempt"] == self.attempt and event["kind"] not in ("snapshot", "progress", "finish"):
                assert message["seq"] == self.seq + 1, "events come in order, none left out"
            assert message["attempt"] >= self.attempt
            self.attempt, self.seq = message["attempt"], message["seq"]
        self._apply(event)

    def _apply(self, event: dict[str, Any]) -> None:
        match event["kind"]:
            case "text":
                assert event["offset"] == len(self.text)
                self.text += event["text"]
            case "reasoning" if "text" in event:
                assert event["offset"] == len(self.reasoning)
                self.reasoning += event["text"]
            case "tool_call":
                assert event["index"] == len(self.calls)
                self.calls.append({name: event[name] for name in ("name", "arguments", "valid")})
            case "progress":
                before = _step_and_preview(self.progress[-1]) if self.progress else (0, 0)
                now = _step_and_preview(event)
                assert now > before, "a step comes again only with its preview"
                assert now[1] >= before[1]
                self.progress.append(event)
            case "snapshot":
                self._hold(event)
            case "reset":
                self._hold({"text": ""})
                self.progress = []
            case "finish":
                self.end = event
                if "text" in event:
                    self._hold(event)

    def _hold(self, whole: dict[str, Any]) -> None:
        self.text, self.reasoning = whole["text"], whole.get("reasoning", "")
        self.calls = whole.get("tool_calls", [])

    async def run(self) -> Reader:
        async for message in follow(self.job, attempt=self.attempt, seq=self.seq):
            self.take(message)
        return self

    async def steps(self) -> AsyncIterator[dict[str, Any]]:
        async for message in follow(self.job, attempt=self.attempt, seq=self.seq):
            self.take(message)
            yield message


def _step_and_preview(event: dict[str, Any]) -> tuple[int, int]:
    return event["step"], event.get("preview", 0)
