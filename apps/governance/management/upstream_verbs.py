"""The verbs of `manage.py models` about models that other servers run. A key is never an argument: others see those."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Mapping
from typing import Any

from apps.catalog.errors import CatalogError
from apps.catalog.licences import UNKNOWN
from apps.catalog.upstream_asking import try_upstream
from apps.catalog.upstreams import Served, add_upstream, change_upstream, remove_key, reseal_keys, upstream_of
from apps.governance.management.model_command import ModelCommand

NAMES = {
    "url": "base_url",
    "model": "model_name",
    "context": "context_length",
    "license": "license_id",
    "first_token": "first_token_seconds",
    "between_tokens": "between_tokens_seconds",
    "opens_reasoning": "opens_reasoning",
    "takes_effort": "takes_effort",
}
"""Of options, as Served has them."""


def add_arguments(verbs: Any) -> None:
    adding = verbs.add_parser("add-upstream", help="a model that another OpenAI-compatible server runs")
    adding.add_argument("id", help="its id on this site: small letters, digits, hyphens")
    adding.add_argument("--url", required=True, help="for example https://gpu.example.org:8000/v1")
    adding.add_argument("--model", required=True, help="what the server calls it")
    adding.add_argument("--context", required=True, type=int, help="tokens of prompt and answer together")
    adding.add_argument("--name", default="", help="what people see")
    adding.add_argument("--description", default="")
    adding.add_argument("--license", default=UNKNOWN, help="SPDX id")
    adding.add_argument("--approve", action="store_true", help="let people be given access to it at once")
    adding.add_argument("--grant-everyone", action="store_true", help="approve it, and let everybody use it")
    changing = verbs.add_parser("change-upstream", help="its address, name there, context, licence, time limits or key")
    changing.add_argument("id")
    changing.add_argument("--url")
    changing.add_argument("--model")
    changing.add_argument("--context", type=int)
    changing.add_argument("--license")
    for parser in (adding, changing):
        parser.add_argument("--first-token", type=int, metavar="SECONDS", help="how long to wait for it (120)")
        parser.add_argument("--between-tokens", type=int, metavar="SECONDS", help="how long it may fall silent (60)")
        opens = "its chat template opens the reasoning, and the server leaves that in the text"
        parser.add_argument("--opens-reasoning", action=argparse.BooleanOptionalAction, help=opens)
        takes = "its server may be told how long to think (reasoning_effort)"
        parser.add_argument("--takes-effort", action=argparse.BooleanOptionalAction, help=takes)
        _key_arguments(parser)
    verbs.add_parser("test-upstream", help="ask its server for a few words").add_argument("id")
    verbs.add_parser("forget-upstream-key", help="remove the key that is kept").add_argument("id")
    verbs.add_parser("reseal-keys", help="encrypt all keys anew after SECRET_KEY was changed")


def _key_arguments(parser: argparse.ArgumentParser) -> None:
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--key-stdin", action="store_true", help="read its API key from standard input")
    where.add_argument("--key-env", metavar="VARIABLE", help="take its API key from this environment variable")


class UpstreamVerbs(ModelCommand):
    def add_upstream(self, options: dict[str, Any]) -> None:
        served = _served(options, {})
        words = {"name": options["name"], "description": options["description"]}
        model = add_upstream(actor=None, model_id=options["id"], served=served, api_key=_key(options), **words)
        self._say(f"Added {model.pk}: {served.model_name} at {served.base_url}.")
        self._open(model, options)

    def change_upstream(self, options: dict[str, Any]) -> None:
        model = self._model(options["id"])
        upstream = upstream_of(model)
        now = {
            "url": upstream.base_url,
            "model": upstream.model_name,
            "context": upstream.version.context_length,
            "license": upstream.version.license_id,
            "first_token": upstream.first_token_seconds,
            "between_tokens": upstream.between_tokens_seconds,
            "opens_reasoning": upstream.opens_reasoning,
            "takes_effort": upstream.version.takes_effort,
        }
        served = _served(options, now)
        change_upstream(actor=None, model=model, served=served, api_key=_key(options))
        self._say(f"{model.pk} is {served.model_name} at {served.base_url} now.")

    def test_upstream(self, options: dict[str, Any]) -> None:
        trial = try_upstream(actor=None, model=self._model(options["id"]))
        if not trial.works:
            raise CatalogError(trial.sentence)
        self._say(trial.sentence)

    def forget_upstream_key(self, options: dict[str, Any]) -> None:
        model = self._model(options["id"])
        removed = remove_key(actor=None, model=model)
        self._say(f"The key for {model.pk} is removed." if removed else f"There is no key for {model.pk}.")

    def reseal_keys(self, options: dict[str, Any]) -> None:
        done, lost = reseal_keys(actor=None)
        if lost:
            raise CatalogError(f"The keys of {', '.join(lost)} can't be read; give them again. {done} are sealed anew.")
        self._say(f"{done} {'key is' if done == 1 else 'keys are'} encrypted under the present SECRET_KEY.")


def _served(options: Mapping[str, Any], now: Mapping[str, Any]) -> Served:
    """What the options say, and where they are silent what holds now, or the default."""
    given = {name: now.get(name) if options[name] is None else options[name] for name in NAMES}
    return Served(**{NAMES[name]: value for name, value in given.items() if value is not None})


def _key(options: Mapping[str, Any]) -> str:
    """Raises CatalogError where it was to be read and isn't there."""
    if variable := options["key_env"]:
        if not os.environ.get(variable):
            raise CatalogError(f"The environment variable {variable} is not set.")
        return os.environ[variable].strip()
    if not options["key_stdin"]:
        return ""
    key = getpass.getpass("API key: ") if sys.stdin.isatty() else sys.stdin.readline()
    if not key.strip():
        raise CatalogError("No key came from standard input.")
    return key.strip()
