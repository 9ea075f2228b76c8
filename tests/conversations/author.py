"""A worker's part in a stream, line by line as a test wants it."""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async

from apps.conversations.models import Conversation
from apps.generations import events
from apps.generations.log import Append, LogWriter
from apps.generations.models import GenerationJob, State
from apps.lib.redis import sync_client
from tests.conversations.build import answered, asked


class Author:
    """Writes the events of a running job as its worker does."""

    def __init__(self, conversation: Conversation) -> None:
        job = answered(asked(conversation, "Question?"), "", State.RUNNING).job
        assert job
        GenerationJob.objects.filter(pk=job.pk).update(attempt=1)
        self.id, self.text, self._seq, self._tokens = job.pk, "", 0, 0
        self._log = LogWriter(sync_client())

    def _append(self, *written: dict[str, Any], final: bool = False) -> None:
        self._log.append([Append(self.id, 1, self._seq + 1, written, final)])
        self._seq += len(written)

    def write(self, *pieces: str) -> None:
        written = []
        for piece in pieces:
            self._tokens += 1
            written.append(events.text(len(self.text), piece, self._tokens))
            self.text += piece
        self._append(*written)

    def end(self) -> None:
        GenerationJob.objects.filter(pk=self.id).update(
            state=State.SUCCEEDED, output=self.text, finish_reason="stop", completion_tokens=self._tokens
        )
        self._append(events.finish(GenerationJob.objects.get(pk=self.id), with_text=False), final=True)


async def author_of(conversation: Conversation) -> Author:
    return await sync_to_async(Author)(conversation)
