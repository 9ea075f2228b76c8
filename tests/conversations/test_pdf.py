"""PDFs that people bring to their messages: their text, and what is said of those that have none or mean harm."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from apps.audit.models import AuditEvent
from apps.catalog.models import HostedModel
from apps.conversations.models import Conversation
from apps.conversations.pdf import process
from apps.conversations.pdf.process import BusyError, PdfError, text_of
from tests.conversations.build import make_conversation
from tests.conversations.pdfs import CATALOG, in_circles, locked, of_objects, pdf, said
from tests.world import World

MOST = 100_000
TIDES = pdf(said("High tide", "is at noon."), b"", said("Ebb at six."))
READ = "[Page 1]\nHigh tide\nis at noon.\n\n[Page 2: no text]\n\n[Page 3]\nEbb at six."


def test_its_text_comes_page_by_page() -> None:
    assert text_of(TIDES, MOST) == READ
    assert text_of(pdf(said("Squeezed"), squeezed=True), MOST) == "[Page 1]\nSqueezed"
    assert text_of(locked(TIDES, ""), MOST) == READ, "what only may not be printed can be read"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "damaged, or no PDF"),
        (b"\x89PNG and so on", "damaged, or no PDF"),
        (b"%PDF-1.7 and so on", "damaged, or no PDF"),
        (TIDES[: len(TIDES) // 3], "damaged, or no PDF"),
        (pdf(), "damaged, or no PDF"),
        (locked(TIDES, "secret"), "protected with a password"),
        (pdf(b"", b"0 0 9 9 re f"), "no text in it"),
        (pdf(*[b""] * 501), "501 pages; up to 500"),
        (pdf(*[said("x" * 60_000)] * 3), "first 2 of 3 pages have more than the 100,000 characters"),
    ],
)
def test_what_can_t_be_read_is_said_in_words(data: bytes, words: str) -> None:
    with pytest.raises(PdfError, match=words):
        text_of(data, MOST)


@pytest.mark.parametrize(("kind", "words"), [("pages", "damaged, or no PDF"), ("drawing", "no text in it")])
def test_what_goes_in_circles_comes_to_an_end(kind: str, words: str) -> None:
    with pytest.raises(PdfError, match=words):
        text_of(in_circles()[kind], MOST)
    assert text_of(in_circles()["table"], MOST) == "[Page 1]\nStill here"


@pytest.mark.parametrize(
    "data",
    [
        pdf(b" " * 400_000_000, squeezed=True),
        of_objects(CATALOG, b"[" * 200_000),
    ],
    ids=["a bomb", "depth"],
)
def test_what_takes_too_much_is_refused(data: bytes) -> None:
    with pytest.raises(PdfError, match="too much time or memory"):
        text_of(data, MOST)


def test_a_child_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "SECONDS", 0.05)
    begun = time.monotonic()
    with pytest.raises(PdfError, match="too much time"):
        text_of(TIDES, MOST)
    assert time.monotonic() - begun < 5


def test_the_kernel_holds_the_child_to_its_limits(tmp_path: Path) -> None:
    """Whatever the library were led to."""
    program = """
import os, sys
from apps.conversations.pdf import __main__ as child

def hostile(data, most):
    for attempt in (lambda: bytearray(2**30), lambda: open(sys.argv[1], "wb", buffering=0).write(b"x")):
        try:
            attempt()
        except (MemoryError, OSError):
            continue
        os._exit(7)
    return "held"

child.read = hostile
child.main(9)
"""
    command = [sys.executable, "-c", program, str(tmp_path / "written")]
    done = subprocess.run(command, input=b"", capture_output=True, cwd=process.ROOT, check=False)
    assert (done.returncode, done.stdout) == (0, b'{"text": "held"}'), done.stderr


def test_the_child_knows_none_of_the_sites_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "known")
    monkeypatch.setattr(
        process, "COMMAND", ("-c", "import json, os; print(json.dumps({'text': ' '.join(os.environ)}))")
    )
    assert "SECRET_KEY" not in text_of(TIDES, MOST)


def test_a_few_are_read_at_once_and_others_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "WAIT_SECONDS", 0.01)
    for _ in range(process.AT_ONCE):
        process._room.acquire()
    try:
        with pytest.raises(BusyError, match="Other PDFs are being read"):
            text_of(TIDES, MOST)
    finally:
        process._room.release(process.AT_ONCE)
    assert text_of(TIDES, MOST) == READ


# --- over HTTP --------------------------------------------------------------------------------------------------------


@pytest.fixture
def conversation(world: World, model: HostedModel) -> Conversation:
    return make_conversation(world.project, world.owner, model, "Tides")


def post(client: Client, conversation: Conversation, data: bytes | None) -> Any:
    file = {} if data is None else {"pdf": SimpleUploadedFile("tides.pdf", data, "application/pdf")}
    return client.post(f"/c/{conversation.pk}/pdf/", file)


def test_an_editor_gets_the_text_and_nothing_is_kept(editor: Client, conversation: Conversation) -> None:
    events = AuditEvent.objects.count()
    answer = post(editor, conversation, TIDES)
    assert (answer.status_code, answer.json()) == (200, {"text": READ})
    assert not conversation.attachments.exists()
    assert AuditEvent.objects.count() == events


def test_what_no_message_takes_is_left_out_of_the_text(editor: Client, conversation: Conversation) -> None:
    odd = pdf(b"BT /F 12 Tf 72 700 Td (a\\000\\001b) Tj ET")
    text = post(editor, conversation, odd).json()["text"]
    assert not any(character in text for character in "\0\x01")


def test_what_is_wrong_is_told_with_its_status(editor: Client, conversation: Conversation, settings: Any) -> None:
    for data, status, words in ((None, 422, "Choose a PDF first"), (b"%PDF-", 422, "damaged, or no PDF")):
        refusal = post(editor, conversation, data)
        assert (refusal.status_code, words in refusal.json()["error"]["message"]) == (status, True)
    settings.MAX_UPLOAD_MB = 1
    refusal = post(editor, conversation, b"%PDF-" + b" " * 1_000_000)
    assert (refusal.status_code, "larger than 1 MB" in refusal.json()["error"]["message"]) == (413, True)
    settings.MAX_PROMPT_CHARS = 10
    assert "more than the 10 characters" in post(editor, conversation, TIDES).json()["error"]["message"]
