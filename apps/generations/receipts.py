"""What a result was made with, and whether making it again gave the same."""

from __future__ import annotations

from io import BytesIO
from math import log10
from typing import Any

from PIL import Image, ImageChops, ImageStat

from apps.generations.models import GenerationJob, Kind
from apps.generations.outcomes import STATES
from apps.generations.picture_store import read
from apps.generations.publisher import Ended

CLOSE_DB = 40.0
"""Peak signal-to-noise ratio from which two pictures look the same."""
REPRODUCTION = "reproduction"
JSON = dict[str, Any]


def receipt_of(ended: Ended) -> JSON:
    """Beside the job's own parameters all that decided the result; of a job that repeats another the verdict too."""
    made: JSON = {**ended.event.made_with, **ended.about.models}
    if ended.about.reproduces and ended.event.reason not in STATES:
        return made | {REPRODUCTION: _verdict(ended, made)}
    return made


def _verdict(ended: Ended, made: JSON) -> JSON:
    """`{"of", "verdict", "differs", …}`: `bit-exact`, `close` with `psnr` in dB, `different` with `psnr` or with the
    `first_difference` in characters, `unknown` where the first one is gone by now. `differs` names what was not the
    same about the making, as `[then, now]`."""
    rows = GenerationJob.objects.select_related("artifact")
    first = rows.filter(pk=ended.about.reproduces).first()
    told: JSON = {"of": ended.about.reproduces}
    if first is None:
        return told | {"verdict": "unknown", "differs": {}}
    told["differs"] = differences(first.receipt, made)
    return told | (_of_pictures(first, ended) if first.kind == Kind.IMAGE else _of_texts(first, ended))


def differences(then: JSON, now: JSON) -> dict[str, list[str]]:
    """By name, `[then, now]`; nothing where it wasn't written down then."""
    names = sorted(({*then} | {*now}) - {REPRODUCTION}) if then else []
    return {
        name: [str(then.get(name, "")), str(now.get(name, ""))] for name in names if then.get(name) != now.get(name)
    }


def _of_texts(first: GenerationJob, ended: Ended) -> JSON:
    said = ended.said
    if (first.output, first.tool_calls) == (said.text, list(said.tool_calls)):
        return {"verdict": "bit-exact"}
    return {"verdict": "different", "first_difference": first_difference(first.output, said.text)}


def first_difference(one: str, other: str) -> int:
    """How many characters are the same from the beginning."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((index for index, (left, right) in pairs if left != right), min(len(one), len(other)))


def _of_pictures(first: GenerationJob, ended: Ended) -> JSON:
    artifact, now = getattr(first, "artifact", None), ended.picture
    if artifact is None or now is None:
        return {"verdict": "unknown"}
    if artifact.pixels_sha256 == now.pixels_sha256:
        return {"verdict": "bit-exact"}
    then = read(artifact.pk)
    if then is None:
        return {"verdict": "unknown"}
    ratio = psnr(then, now.png)
    return {"verdict": "close" if ratio >= CLOSE_DB else "different", "psnr": round(ratio, 1)}


def psnr(one: bytes, other: bytes) -> float:
    """Peak signal-to-noise ratio of two pictures in dB: 0 where their sizes differ, 100 where they are equal."""
    with Image.open(BytesIO(one)) as left, Image.open(BytesIO(other)) as right:
        if left.size != right.size:
            return 0.0
        squares = ImageStat.Stat(ImageChops.difference(left.convert("RGB"), right.convert("RGB"))).sum2
        mean = sum(squares) / (3 * left.width * left.height)
    return 10 * log10(255**2 / mean) if mean else 100.0
