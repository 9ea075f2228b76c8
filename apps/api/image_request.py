"""Reads a request for pictures in OpenAI's form, with what our models take beside it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from apps.api.refusing import unknown, wrong
from apps.generations.artifact_files import FORMATS, METADATA, Tells
from engine.pictures import Kind

Object = dict[str, Any]
SAME = ("prompt", "negative_prompt", "steps", "guidance", "seed", "scheduler")
"""Called here as in the studio."""
STRENGTH = "strength"
"""The same, of pictures that are changed."""
KNOWN = ("model", "n", "size", "response_format", "output_format", "metadata", *SAME)
IGNORED = frozenset({"user"})
USUAL: Mapping[str, Any] = MappingProxyType(
    dict.fromkeys(("quality", "background", "moderation"), "auto") | {"stream": False}
)
"""What changes nothing so."""
SIZE = re.compile(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})")
LINKS = (
    "Pictures are sent in the answer (b64_json): links here are for people who are signed in. They are in the gallery "
    "of the project as well."
)


class ImagesRequest(NamedTuple):
    model: str
    params: Object
    """For `submit_image`."""
    number: int
    kind: Kind
    tells: Tells
    """What the files say of how they were made."""


def read_images_request(body: Mapping[str, Any], known: tuple[str, ...] = KNOWN) -> ImagesRequest:
    """known: the parameters that there are. Raises Refused with the name of the one that is wrong."""
    given = {name: value for name, value in body.items() if value is not None}
    for name in given:
        if name not in known and name not in IGNORED and not (name in USUAL and given[name] == USUAL[name]):
            raise unknown(name, known)
    if not isinstance(given.get("model"), str):
        raise wrong("model", "Name the model that is to draw: GET /v1/models lists those that this token may use.")
    if given.get("response_format", "b64_json") != "b64_json":
        raise wrong("response_format", LINKS)
    return ImagesRequest(
        model=given["model"],
        params={name: given[name] for name in (*SAME, STRENGTH) if name in given} | _size(given.get("size", "auto")),
        number=_count(given.get("n", 1)),
        kind=FORMATS[_choice(given, "output_format", tuple(FORMATS), "png")],
        tells=METADATA[_choice(given, "metadata", tuple(METADATA), "none")],
    )


def _size(wanted: Any) -> Object:
    if wanted == "auto":
        return {}
    found = SIZE.fullmatch(wanted) if isinstance(wanted, str) else None
    if found is None:
        raise wrong("size", "size is “auto”, the model's own, or width and height in pixels, as in “1024x768”.")
    return {"width": int(found[1]), "height": int(found[2])}


def _count(wanted: Any) -> int:
    if isinstance(wanted, bool) or not isinstance(wanted, int):
        raise wrong("n", "n must be a whole number.")
    return wanted


def _choice(given: Mapping[str, Any], name: str, offered: tuple[str, ...], usual: str) -> str:
    wanted = given.get(name, usual)
    if wanted not in offered:
        raise wrong(name, f"{name} must be one of {', '.join(offered)}.")
    return str(wanted)
