"""Signed C2PA manifests (specification 2.x) in a picture: who made it with what, broken by any change of it.

Loads a native library, so only what signs imports this.
"""

from __future__ import annotations

import dataclasses
import io
import json
from typing import Any

import c2pa

from engine.pictures.identity import Identity
from engine.pictures.kinds import Kind
from engine.pictures.origin import GENERATOR, Origin

ASSERTION = "atrium.generation"
SETTINGS = {
    "builder": {"thumbnail": {"enabled": False}},
    "verify": {"verify_after_sign": True, "remote_manifest_fetch": False, "ocsp_fetch": False},
}
"""Nothing is fetched from anywhere; the manifest holds no second copy of the picture."""


class SigningFailed(RuntimeError):
    """The picture can't be signed; the message is a whole sentence."""


class Signer:
    """Signs for one identity. May be kept, and used by several threads."""

    def __init__(self, identity: Identity) -> None:
        try:
            info = c2pa.C2paSignerInfo(b"es256", identity.chain, identity.key, None)
            self._signer = c2pa.Signer.from_info(info)
            self._context = c2pa.Context.from_dict(SETTINGS)
        except c2pa.C2paError as error:
            raise SigningFailed(_sentence(error)) from error

    def sign(self, picture: bytes, origin: Origin, kind: Kind, *, with_parameters: bool) -> bytes:
        """The same file with a manifest in it. Raises SigningFailed."""
        signed = io.BytesIO()
        try:
            builder = c2pa.Builder(json.dumps(_manifest(origin, with_parameters)), context=self._context)
            builder.sign(self._signer, kind.media_type, io.BytesIO(picture), signed)
        except c2pa.C2paError as error:
            raise SigningFailed(_sentence(error)) from error
        return signed.getvalue()


def _manifest(origin: Origin, with_parameters: bool) -> dict[str, Any]:
    generator = {"name": GENERATOR, "version": origin.generator_version or "unknown"}
    created = {"action": "c2pa.created", "digitalSourceType": origin.source_type, "softwareAgent": generator}
    told: dict[str, Any] = {"model": origin.model, "digest": origin.digest}
    if with_parameters:
        told["parameters"] = dataclasses.asdict(origin.params)
    return {
        "claim_generator_info": [generator],
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": [created]}},
            {"label": ASSERTION, "data": told},
        ],
    }


def _sentence(error: Exception) -> str:
    return f"The picture can't be signed: {str(error)[:300]}. Ask an administrator to look at the signing certificate."
