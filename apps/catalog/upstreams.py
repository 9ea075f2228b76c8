"""Models that other servers run: adding, changing and trying them out. Their keys are written here and never shown."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.db import transaction

from apps.audit.record import Actor, record
from apps.catalog.actions import choose_version, target_of
from apps.catalog.errors import CatalogError
from apps.catalog.licences import UNKNOWN, link_of, needs_acceptance, spdx_id
from apps.catalog.models import UPSTREAM, HostedModel, ModelVersion, Upstream
from apps.lib.sealing import Unreadable, reseal, seal
from engine.answers.formats import PLAIN
from engine.remote.upstream import check_api_key, clean_base_url

PURPOSE = "upstream-key"
MAX_SECONDS = 3600
MAX_CONTEXT = 100_000_000
OF_UPSTREAM = ("base_url", "model_name", "first_token_seconds", "between_tokens_seconds", "opens_reasoning")
"""What of Served is in the row of the server."""
OF_VERSION = ("context_length", "license_id", "takes_effort")
"""What of it is in the row of the version."""
KEY_AGAIN = (
    "Give the key again: the one that is kept was given for another server and is not sent elsewhere. "
    "If the new server needs none, remove the key first."
)


@dataclass(frozen=True, slots=True)
class Served:
    """What an administrator says about a model and its server. Raises CatalogError with a sentence."""

    base_url: str
    model_name: str
    context_length: int
    license_id: str = UNKNOWN
    first_token_seconds: int = 120
    between_tokens_seconds: int = 60
    opens_reasoning: bool = False
    takes_effort: bool = False

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "base_url", clean_base_url(self.base_url))
        except ValueError as error:
            raise CatalogError(str(error)) from error
        object.__setattr__(self, "license_id", spdx_id(self.license_id))
        if not 1 <= len(self.model_name) <= 200 or not self.model_name.isprintable():
            raise CatalogError("Give the name that the server has for the model, 200 characters at most.")
        if not 1 <= self.context_length <= MAX_CONTEXT:
            raise CatalogError(f"The context length is a number of tokens from 1 to {MAX_CONTEXT:,}.")
        if not all(1 <= each <= MAX_SECONDS for each in (self.first_token_seconds, self.between_tokens_seconds)):
            raise CatalogError(f"Both time limits are from 1 to {MAX_SECONDS:,} seconds.")


@transaction.atomic
def add_upstream(
    *, actor: Actor | None, model_id: str, name: str, description: str, served: Served, api_key: str
) -> HostedModel:
    """A new, proposed model of the catalogue. Raises CatalogError."""
    try:
        validate_slug(model_id)
    except ValidationError as error:
        raise CatalogError("The id is made of small letters, digits and hyphens.") from error
    if HostedModel.objects.filter(pk=model_id).exists():
        raise CatalogError(f"There is a model {model_id} already; choose another id.")
    model = HostedModel.objects.create(
        pk=model_id[:80], name=(name or model_id)[:120], description=description[:500],
        is_gated=needs_acceptance(served.license_id),
    )  # fmt: skip
    where = {"base_url": served.base_url, "model_name": served.model_name}
    record("model.upstream.added", actor=actor, target=target_of(model), **where, has_key=bool(api_key))
    choose_version(actor=actor, version=_version(model, served, _sealed(api_key)))
    return model


@transaction.atomic
def change_upstream(*, actor: Actor | None, model: HostedModel, served: Served, api_key: str = "") -> None:
    """Another address or name is another version; the rest changes the one in use. An empty key keeps the kept one.

    Raises CatalogError.
    """
    upstream = upstream_of(model)
    key = _sealed(api_key)
    if not key and upstream.sealed_key and _origin(served.base_url) != _origin(upstream.base_url):
        raise CatalogError(KEY_AGAIN)
    changed = [name for name, value in _values(served).items() if getattr(upstream, name) != value]
    changed += [name for name in OF_VERSION if getattr(upstream.version, name) != getattr(served, name)]
    if changed:
        record(
            "model.upstream.changed", actor=actor, target=target_of(model), changed=changed, base_url=served.base_url
        )
    if api_key:
        record("model.upstream.key.replaced", actor=actor, target=target_of(model))
    read = upstream.version.answer_format
    version = _version(model, served, key or upstream.sealed_key, answer_format=read)
    choose_version(actor=actor, version=version)
    if key:  # earlier versions at the same server can be chosen again
        rows = Upstream.objects.filter(version__hosted_model=model)
        same = [row.pk for row in rows if _origin(row.base_url) == _origin(served.base_url)]
        rows.filter(pk__in=same).update(sealed_key=key)


@transaction.atomic
def remove_key(*, actor: Actor | None, model: HostedModel) -> bool:
    """From all versions of the model. False where there was none."""
    rows = Upstream.objects.filter(version__hosted_model=model).exclude(sealed_key="")
    if not rows.update(sealed_key=""):
        return False
    record("model.upstream.key.removed", actor=actor, target=target_of(model))
    return True


@transaction.atomic
def reseal_keys(*, actor: Actor | None) -> tuple[int, list[str]]:
    """Encrypt all keys under the present SECRET_KEY: how many, and the models whose key can't be read any more."""
    done, lost = 0, []
    for upstream in Upstream.objects.select_for_update().select_related("version").exclude(sealed_key=""):
        try:
            upstream.sealed_key = reseal(upstream.sealed_key, PURPOSE)
        except Unreadable:
            lost.append(upstream.version.hosted_model_id)
            continue
        upstream.save(update_fields=["sealed_key"])
        done += 1
    record("model.upstream.key.resealed", actor=actor, keys=done, lost=lost)
    return done, lost


def upstream_of(model: HostedModel) -> Upstream:
    """Of the version in use. Raises CatalogError where it runs here."""
    found = Upstream.objects.select_related("version").filter(version=model.default_version_id).first()
    if found is None:
        raise CatalogError(f"{model} runs on this site, not on another server.")
    return found


def _version(model: HostedModel, served: Served, sealed_key: str, *, answer_format: str = PLAIN) -> ModelVersion:
    """answer_format: of a new one; one that was there keeps its own."""
    identity = json.dumps([model.pk, served.base_url, served.model_name])
    told = {
        "hosted_model": model,
        "source": f"{UPSTREAM}{served.base_url}",
        "revision": served.model_name[:80],
        "size_bytes": 0,
        "license_link": link_of(served.license_id),
        "architecture": "",
        "dtype": "",
        **{name: getattr(served, name) for name in OF_VERSION},
    }
    version, _ = ModelVersion.objects.update_or_create(
        digest=hashlib.sha256(f"upstream {identity}".encode()).hexdigest(),
        defaults=told,
        create_defaults=told | {"answer_format": answer_format},
    )
    Upstream.objects.update_or_create(version=version, defaults=_values(served) | {"sealed_key": sealed_key})
    return version


def _values(served: Served) -> dict[str, str | int | bool]:
    return {name: getattr(served, name) for name in OF_UPSTREAM}


def _sealed(api_key: str) -> str:
    try:
        check_api_key(api_key)
    except ValueError as error:
        raise CatalogError(str(error)) from error
    return seal(api_key, PURPOSE) if api_key else ""


def _origin(base_url: str) -> tuple[str, str]:
    """Scheme, host and port: to whom a key may be sent."""
    parts = urlsplit(base_url)
    return parts.scheme, parts.netloc
