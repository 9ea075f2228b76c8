"""`manage.py models install | approve | state | list | verify | enable | disable | remove`, those of upstreams and of
weights."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser
from django.core.validators import validate_slug

from apps.catalog.actions import Wishes, remove_model, set_enabled
from apps.catalog.errors import CatalogError
from apps.catalog.installing import install
from apps.catalog.licences import UNKNOWN, spdx_id
from apps.catalog.models import HostedModel, ModelState, ModelVersion, WeightsKind
from apps.catalog.progress import progress_bar
from apps.catalog.sources import open_source
from apps.catalog.store import model_store
from apps.catalog.weights import set_weights
from apps.governance.actions.models import set_model_state
from apps.governance.errors import GovernanceRefused
from apps.governance.management import upstream_verbs, weight_verbs
from apps.governance.management.upstream_verbs import UpstreamVerbs
from apps.governance.management.weight_verbs import WeightVerbs
from engine.store import StoreError
from engine.store.copying import megabytes


class Command(UpstreamVerbs, WeightVerbs):
    help = "Install, approve, list, verify, enable, disable and remove models."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        adding = verbs.add_parser("install", help="demo:NAME, path:FOLDER|FILE, hf:org/name@revision")
        adding.add_argument("source")
        adding.add_argument("--id", type=_slug, default="", help="its id on this site: small letters, digits, hyphens")
        adding.add_argument("--name", default="", help="what people see")
        adding.add_argument("--license", default="", help="SPDX id, where the model's card is wrong or silent")
        adding.add_argument("--base", type=_slug, default="", help="LoRA adapters: the id of the model they go on")
        adding.add_argument(
            "--weights", choices=WeightsKind.values, default="", help="as they are kept in memory: full"
        )
        adding.add_argument("--disable", action="store_true", help="install it without letting anybody use it yet")
        adding.add_argument("--approve", action="store_true", help="let people be given access to it at once")
        adding.add_argument("--grant-everyone", action="store_true", help="approve it, and let everybody use it")
        adding.add_argument("--from", dest="from_file", type=Path, help="demo models: the wheel, downloaded earlier")
        approving = verbs.add_parser("approve", help="let people be given access to a proposed model")
        approving.add_argument("id")
        approving.add_argument("--grant-everyone", action="store_true", help="and let everybody use it")
        moving = verbs.add_parser("state", help="move a model to another state of its life")
        moving.add_argument("id")
        moving.add_argument("state", choices=ModelState.values)
        verbs.add_parser("list", help="all models, with the version in use")
        verifying = verbs.add_parser("verify", help="hash all files again and compare")
        verifying.add_argument("id", nargs="?")
        for verb in ("enable", "disable", "remove"):
            verbs.add_parser(verb).add_argument("id")
        upstream_verbs.add_arguments(verbs)
        weight_verbs.add_arguments(verbs)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, options["verb"].replace("-", "_"))(options)
        except (CatalogError, StoreError, GovernanceRefused) as error:
            raise CommandError(str(error)) from error

    def install(self, options: dict[str, Any]) -> None:
        began = time.monotonic()
        wishes = Wishes(
            model_id=options["id"],
            name=options["name"][:120],
            license_id=spdx_id(options["license"]) if options["license"] else "",
            enabled=not options["disable"],
            base=options["base"],
        )
        source = open_source(options["source"], from_file=options["from_file"])
        done = install(actor=None, source=source, wishes=wishes, report=self._say, progress=progress_bar(self.stderr))
        version, took = done.version, f"{time.monotonic() - began:.1f} s"
        if options["weights"]:
            set_weights(actor=None, version=version, weights=WeightsKind(options["weights"]))
        if not done.is_new:
            self._say(f"{version.hosted_model_id} is already installed ({version.digest[:12]}).")
            self._open(version.hosted_model, options)
            return
        self._say(
            f"Installed {version.hosted_model_id} ({version.digest[:12]}, {megabytes(version.size_bytes)}, "
            f"{version.license_id}, {version.reads} tokens of context) in {took}."
        )
        if version.reads < version.context_length:
            self._say(
                f"It itself reads {version.context_length} tokens; MAX_CONTEXT allows {version.reads} here. "
                "A larger one, set for the site and its workers, takes more memory."
            )
        if version.base is not None:
            self._say(f"It is an adapter on {version.base.hosted_model_id} ({version.base.digest[:12]}).")
        if version.license_id == UNKNOWN:
            self._say("Its card states no licence; find out, and install it again with --license if you may use it.")
        self._open(version.hosted_model, options)

    def approve(self, options: dict[str, Any]) -> None:
        self._open(self._model(options["id"]), options | {"approve": True})

    def state(self, options: dict[str, Any]) -> None:
        model, state = self._model(options["id"]), ModelState(options["state"])
        changed = set_model_state(actor=None, model=model, state=state)
        self._say(f"{model.pk} is {'now' if changed else 'already'} {state}.")

    def list(self, options: dict[str, Any]) -> None:
        rows: list[tuple[str, ...]] = [("ID", "STATE", "VERSION", "SIZE", "LICENCE", "ARCHITECTURE", "CONTEXT")]
        rows += [_row(model) for model in HostedModel.objects.select_related("default_version__base")]
        if len(rows) == 1:
            self._say("No models yet. Start with: manage.py models install demo:smollm2-135m")
            return
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            self._say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())

    def verify(self, options: dict[str, Any]) -> None:
        versions = ModelVersion.objects.order_by("hosted_model_id", "installed_at")
        if options["id"]:
            versions = versions.filter(hosted_model=self._model(options["id"]))
        damaged = [version for version in versions if not self._is_sound(version)]
        if damaged:
            raise CommandError(f"{len(damaged)} of {len(versions)} are damaged; install them again.")

    def enable(self, options: dict[str, Any]) -> None:
        self._set_enabled(self._model(options["id"]), True)

    def disable(self, options: dict[str, Any]) -> None:
        self._set_enabled(self._model(options["id"]), False)

    def remove(self, options: dict[str, Any]) -> None:
        model = self._model(options["id"])
        name = model.pk
        remove_model(actor=None, model=model)
        self._say(f"Removed {name}.")

    def _set_enabled(self, model: HostedModel, enabled: bool) -> None:
        state = "enabled" if enabled else "disabled"
        changed = set_enabled(actor=None, model=model, enabled=enabled)
        self._say(f"{model.pk} is {'now' if changed else 'already'} {state}.")

    def _is_sound(self, version: ModelVersion) -> bool:
        if version.is_upstream:
            self._say(f"{version}: another server runs it; there is nothing to verify here.")
            return True
        try:
            model_store().verify(version.digest)
        except StoreError as error:
            self._say(f"{version}: DAMAGED. {error}")
            return False
        self._say(f"{version}: {len(version.files)} files, {megabytes(version.size_bytes)}, all as installed.")
        return True


def _row(model: HostedModel) -> tuple[str, ...]:
    state = str(model.state) if model.is_enabled else "disabled"
    if (version := model.default_version) is None:
        return (model.pk, state, "none", "", "", "", "")
    size, architecture = megabytes(version.size_bytes), version.architecture
    if version.is_upstream:
        size, architecture = "elsewhere", version.revision
    elif version.base is not None:
        architecture = f"adapter on {version.base.hosted_model_id}"
    context = (
        str(version.reads)
        if version.reads == version.context_length
        else f"{version.reads} of {version.context_length}"
    )
    return (model.pk, state, version.digest[:12], size, version.license_id, architecture, context)


def _slug(text: str) -> str:
    try:
        if text:  # argparse also converts the default
            validate_slug(text)
    except ValidationError as error:
        raise argparse.ArgumentTypeError("use small letters, digits and hyphens") from error
    return text
