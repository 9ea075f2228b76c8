"""A form with files, as OpenAI's clients send pictures: `multipart/form-data`, every value a text."""

from __future__ import annotations

from typing import NamedTuple

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest
from django.http.multipartparser import MultiPartParserError

from apps.api.odd import ODD, is_odd
from apps.api.refusing import wrong
from apps.generations.errors import Refused
from apps.generations.picture_http import SentPicture

NO_FORM = "Send this as a form with files: multipart/form-data, as OpenAI's clients do."


class Form(NamedTuple):
    fields: dict[str, str]
    files: dict[str, list[SentPicture]]


def read_form(request: HttpRequest) -> Form:
    """Of a file several may have one name; a list's name may end in `[]`. Raises Refused."""
    if request.content_type != "multipart/form-data":
        raise Refused(status=400, code="not_a_form", message=NO_FORM)
    try:
        sent, files = request.POST, request.FILES
    except (MultiPartParserError, SuspiciousOperation) as error:  # unreadable, or too much of it
        message = f"The form could not be read: {str(error).rstrip('.')}. {NO_FORM}"
        raise Refused(status=400, code="not_a_form", message=message) from error
    if is_odd([*sent, *files]):  # which can't be named in an answer either
        raise Refused(status=400, code="invalid", message=ODD)
    found: dict[str, list[SentPicture]] = {}
    for name, several in files.lists():
        read = [SentPicture(one.read(), one.name or "", one.content_type or "") for one in several]
        found.setdefault(name.removesuffix("[]"), []).extend(read)
    return Form({name: _once(name, values) for name, values in sent.lists()}, found)


def _once(name: str, values: list[str]) -> str:
    if len(values) != 1:
        raise wrong(name, f"“{name[:64]}” was sent {len(values)} times; send it once.")
    if is_odd(values[0]):
        raise wrong(name, ODD)
    return values[0]
