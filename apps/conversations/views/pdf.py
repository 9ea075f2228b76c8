"""A PDF that somebody brings to their message: its text. Nothing of it is kept."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpResponseBase, JsonResponse
from django.views.decorators.http import require_POST

from apps.conversations.access import get_conversation_for
from apps.conversations.inputs import CONTROL, UNSTORABLE, refused
from apps.conversations.pdf.process import BusyError, PdfError, text_of
from apps.generations.json_views import PersonRequest, json_view
from apps.projects.models import Role

REPLACEMENT = "\ufffd"


@require_POST
@json_view
def read_pdf(request: PersonRequest, cid: str) -> HttpResponseBase:
    """A file called `pdf`; `{"text"}`, each page under its number."""
    get_conversation_for(request.user, cid, Role.EDITOR, writable=True)
    sent = request.FILES.get("pdf")
    if sent is None:
        raise refused("empty", "Choose a PDF first: no file came with this.")
    if sent.size is None or sent.size > settings.MAX_UPLOAD_MB * 1_000_000:
        message = f"It is larger than {settings.MAX_UPLOAD_MB} MB. Save the pages that you need as a PDF of their own."
        raise refused("too_large", message, status=413)
    try:
        text = text_of(sent.read(), settings.MAX_PROMPT_CHARS)
    except PdfError as problem:
        raise refused("unreadable", str(problem)) from problem
    except BusyError as busy:
        raise refused("busy", str(busy), status=503) from busy
    return JsonResponse({"text": CONTROL.sub("", UNSTORABLE.sub(REPLACEMENT, text))})
