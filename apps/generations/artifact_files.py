"""What is sent of a picture: the file itself, a thumbnail of it, or a download that tells as much as it should."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from django.conf import settings
from django.http import Http404

from apps.generations.errors import Refused
from apps.generations.models import Artifact, GenerationJob
from apps.generations.picture_store import read, thumbnail_path, write
from apps.generations.receipts import REPRODUCTION
from apps.generations.requests import image_params_of
from engine.pictures import SIDES, Carries, Kind, Origin, TooLong, download, file_name, thumbnail
from engine.types import ImageParams

if TYPE_CHECKING:
    from pathlib import Path

    from engine.pictures.signing import Signer

FORMATS = {"png": Kind.PNG, "jpeg": Kind.JPEG, "webp": Kind.WEBP}


class Tells(NamedTuple):
    """What a downloaded file tells, and whether this site signs that."""

    carries: Carries
    signed: bool = False


NOTHING = Tells(Carries.STRIPPED)
METADATA = {
    "full": Tells(Carries.FULL),
    "a1111": Tells(Carries.A1111),
    "none": NOTHING,
    "c2pa": Tells(Carries.SIGNED, signed=True),
    "c2pa-full": Tells(Carries.FULL, signed=True),
}
NOTHING_KNOWN = "This picture was brought along, so nothing is known of how it was made. Download it without metadata."


def png_of(artifact: Artifact) -> bytes:
    data = read(artifact.pk)
    if data is None:
        raise Http404("The file of this picture is missing. Tell an administrator.")
    return data


def thumbnail_of(artifact: Artifact, size: int) -> bytes:
    """A WebP, made when it is first asked for and kept."""
    if size not in SIDES:
        raise Http404(f"There are thumbnails of {' and '.join(map(str, SIDES))} pixels.")
    path = thumbnail_path(artifact.pk, size)
    if path.is_file():
        return path.read_bytes()
    made = thumbnail(png_of(artifact), size)
    write(path, made)
    return made


def name_of(artifact: Artifact, kind: Kind) -> str:
    """Words of the prompt and the seed; of an upload its id."""
    if artifact.job is None:
        return f"{artifact.pk}{kind.extension}"
    return file_name(artifact.job.params["prompt"], artifact.job.params["seed"], kind.extension)


def download_of(artifact: Artifact, kind: Kind, tells: Tells) -> bytes:
    """Raises Refused where that can't be told of this picture, or not in such a file."""
    png = png_of(artifact)
    if artifact.job is None:
        if tells != NOTHING:
            raise Refused(status=422, code="no_metadata", message=NOTHING_KNOWN)
        return download(png, NOBODY, tells.carries, kind)
    origin = origin_of(artifact.job)
    try:
        made = download(png, origin, tells.carries, kind)
    except TooLong as error:
        raise Refused(status=422, code="too_long", message=str(error)) from error
    return _signed(made, origin, kind, with_parameters=tells.carries is Carries.FULL) if tells.signed else made


def origin_of(job: GenerationJob) -> Origin:
    """How a picture came to be, for its file."""
    version = job.model_version
    return Origin(
        image_params_of(job),
        model=version.hosted_model.name,
        digest=version.digest,
        has_source=bool(job.params["source"]),
        has_mask=bool(job.params["mask"]),
        generator_version=settings.VERSION,
        made_with={name: str(value) for name, value in job.receipt.items() if name != REPRODUCTION},
    )


NOBODY = Origin(ImageParams(""), model="", digest="")


def _signed(picture: bytes, origin: Origin, kind: Kind, *, with_parameters: bool) -> bytes:
    # Here and not above: it loads a native library, and most web processes never sign anything.
    from engine.pictures.signing import SigningFailed

    try:
        return _signer(settings.PICTURE_KEYS).sign(picture, origin, kind, with_parameters=with_parameters)
    except SigningFailed as error:
        raise Refused(status=503, code="signing_failed", message=str(error)) from error


@lru_cache(maxsize=1)
def _signer(keys: Path) -> Signer:
    from engine.pictures.identity import identity_of
    from engine.pictures.signing import Signer

    return Signer(identity_of(keys, settings.SITE_NAME))
