"""Reads a request to change a picture, a form in OpenAI's shape, with what our models take beside it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from apps.api.image_request import KNOWN, STRENGTH, ImagesRequest, read_images_request
from apps.api.multipart import Form
from apps.api.refusing import unknown, wrong
from apps.generations.picture_http import SentPicture

FILES = ("image", "mask")
KNOWN_OF_EDITS = (*FILES, STRENGTH, *KNOWN)
NO_PICTURE = "Send the picture that is to be changed as a file of this form, called “image”."
NO_MASK_FILE = "Send the mask as a file of this form, a PNG that is transparent where the picture is to be drawn anew."
ONE = "One picture is changed at a time here, and {} came as “{}”. Send one."
FLAGS: Mapping[str, Any] = MappingProxyType({"true": True, "false": False})


class EditRequest(NamedTuple):
    pictures: ImagesRequest
    """Without a size where the picture's own is wanted."""
    image: SentPicture
    mask: SentPicture | None
    """Transparent where the picture is drawn anew."""


def read_edit_request(form: Form) -> EditRequest:
    """Raises Refused with the name of the parameter that is wrong."""
    for name in form.files:
        if name not in FILES:
            raise unknown(name, KNOWN_OF_EDITS)
    image, mask = _file(form, "image", NO_PICTURE), _file(form, "mask", NO_MASK_FILE)
    if image is None:
        raise wrong("image", NO_PICTURE)
    fields = {name: _value(name, text) for name, text in form.fields.items() if text and name not in FILES}
    return EditRequest(read_images_request(fields, KNOWN_OF_EDITS), image, mask)


def _file(form: Form, name: str, words: str) -> SentPicture | None:
    if form.fields.get(name):
        raise wrong(name, words)
    found = form.files.get(name, [])
    if len(found) > 1:
        raise wrong(name, ONE.format(len(found), name))
    return found[0] if found else None


def _value(name: str, text: str) -> Any:
    """As JSON would have it; what is none is told by whoever reads it."""
    if name == "n":
        return int(text) if text.isdecimal() and len(text) < 6 else text
    return FLAGS.get(text, text) if name == "stream" else text
