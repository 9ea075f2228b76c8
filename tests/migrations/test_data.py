"""The migrations that change rows, with rows to change."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.migrations.exceptions import IrreversibleError
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations import RunPython

from apps.accounts.models import User
from apps.audit.keys import public_keys
from apps.audit.labels import forget_all
from apps.audit.models import AuditEvent, Label, Unsealed
from apps.audit.sealing import seal_and_sign
from apps.audit.verify_database import verify_database
from tests.migrations.earlier import SCHEMA, Site

pytestmark = pytest.mark.django_db
TESTED = {("catalog", "0004_reasoning"), ("governance", "0002_what_was_open_stays_open")}
"""Of those with Python in them."""


def test_every_migration_with_python_in_it_is_tested_here() -> None:
    ours = {
        key
        for key, migration in MigrationLoader(None).disk_migrations.items()
        if migration.__module__.startswith("apps.")
        and any(isinstance(operation, RunPython) for operation in migration.operations)
    }
    assert ours == TESTED


def test_an_earlier_site_leaves_nothing_behind_when_its_test_fails() -> None:
    people = User.objects.count()
    with pytest.raises(RuntimeError, match="a failed test"), transaction.atomic():
        Site().go("catalog", "0001_initial")
        raise RuntimeError("a failed test")
    assert User.objects.count() == people
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_namespace WHERE nspname = %s", [SCHEMA])
        assert cursor.fetchone() == (0,)


def test_models_that_were_there_before_there_were_states_are_approved() -> None:
    site = Site()
    models = site.go("catalog", "0001_initial")
    models.get_model("catalog", "HostedModel").objects.create(id="old", name="Old", is_enabled=False)
    hosted = site.go("catalog", "0002_model_states").get_model("catalog", "HostedModel")
    assert [(each.state, each.is_enabled, each.is_gated) for each in hosted.objects.all()] == [("approved", False, False)]
    assert hosted.objects.create(id="new", name="New").state == "proposed"
    hosted = site.go("catalog", "0001_initial").get_model("catalog", "HostedModel")
    assert list(hosted.objects.order_by("id").values_list("id", "name")) == [("new", "New"), ("old", "Old")]
    site.go("catalog", "0002_model_states")


def grants(models: Any) -> list[tuple[str, str, bool]]:
    rows = models.get_model("governance", "Grant").objects.order_by("hosted_model_id")
    return [(each.hosted_model_id, each.subject_type, each.revoked_at is not None) for each in rows]


def test_what_was_open_to_everyone_stays_open_once() -> None:
    site = Site()
    models = site.go("governance", "0001_grants")
    for state in ("approved", "proposed", "deprecated", "retired"):
        models.get_model("catalog", "HostedModel").objects.create(id=state, name=state.title(), state=state)
    models = site.go("governance", "0002_what_was_open_stays_open")
    assert grants(models) == [("approved", "everyone", False)]
    (grant,) = models.get_model("governance", "Grant").objects.all()
    assert (grant.note, grant.expires_at, grant.created_by) == ("From before there were grants", None, None)
    models.get_model("governance", "Grant").objects.update(revoked_at=datetime.now(UTC))
    models = site.go("governance", "0001_grants")
    assert grants(models) == [("approved", "everyone", True)], "what was decided meanwhile stays"
    assert grants(site.go("governance", "0002_what_was_open_stays_open")) == [("approved", "everyone", True)]


TEMPLATES = {
    "": ("plain", False),
    "{{ messages }}": ("plain", False),
    "a </think> b": ("think", False),
    "<tool_call> </think>": ("qwen3", False),
    "<tool_call>": ("qwen2", False),
    "<｜tool▁calls▁begin｜> </think>": ("deepseek-r1", False),
    "<|channel|> <|message|> {{ reasoning_effort }}": ("harmony", True),
}
"""Chat templates that were installed before, and how their answers are read."""


def test_how_installed_models_mark_their_reasoning_is_found_in_their_templates() -> None:
    site = Site()
    models = site.go("catalog", "0003_upstreams")
    for number, template in enumerate(TEMPLATES):
        hosted = models.get_model("catalog", "HostedModel").objects.create(id=f"m{number}", name=template[:20] or "-")
        version = models.get_model("catalog", "ModelVersion").objects.create(
            hosted_model=hosted, digest=f"{number}", size_bytes=1, context_length=9, chat_template=template
        )
        models.get_model("catalog", "HostedModel").objects.filter(id=hosted.pk).update(default_version=version)
    models = site.go("catalog", "0004_reasoning")
    versions = models.get_model("catalog", "ModelVersion").objects.all()
    assert {each.chat_template: (each.answer_format, each.takes_effort) for each in versions} == TEMPLATES
    hidden = models.get_model("catalog", "HostedModel").objects.filter(reasoning="hidden")
    assert [each.id for each in hidden] == ["m6"]
    site.go("catalog", "0003_upstreams")


EVENTS = (
    # actor, its label, target, its label, address
    ("u1", "Ada", "p1", "Lighthouse", "192.0.2.1"),
    ("u1", "Ada", "p1", "", "192.0.2.1"),
    ("u1", "Ada Lovelace", "u1", "Ada Lovelace", None),
    ("", "", "p1", "Lighthouse", "2001:db8::1"),
)


def test_what_was_logged_before_there_was_a_chain_is_sealed_and_verifies(tmp_path: Path, settings: Any) -> None:
    settings.AUDIT_KEYS = tmp_path
    site = Site()
    models = site.go("audit", "0002_append_only")
    for number, (actor, actor_label, target, target_label, ip) in enumerate(EVENTS):
        models.get_model("audit", "AuditEvent").objects.create(
            action="project.created", actor_id=actor, actor_label=actor_label, target_type="project", target_id=target,
            target_label=target_label, ip=ip, details={"number": number},
        )  # fmt: skip
    site.go("audit", "0003_chain")
    forget_all()
    found = [
        (each.actor_id, each.actor_label, each.target_id, each.target_label, each.ip or None)
        for each in AuditEvent.objects.order_by("id")
    ]
    assert found == list(EVENTS)
    assert [each.details for each in AuditEvent.objects.order_by("id")] == [{"number": each} for each in range(4)]
    assert Label.objects.count() == len({("u1", "Ada"), ("p1", "Lighthouse"), ("u1", "Ada Lovelace"),
                                         ("u1", "192.0.2.1"), ("", "2001:db8::1")})  # fmt: skip
    assert Unsealed.objects.count() == len(EVENTS)
    assert seal_and_sign() == len(EVENTS)
    report = verify_database(public_keys(tmp_path), None)
    assert report.first is None
    assert report.events == len(EVENTS)


def test_the_chain_can_not_be_migrated_away() -> None:
    site = Site()
    site.go("audit", "0003_chain")
    with pytest.raises(IrreversibleError), transaction.atomic():
        site.go("audit", "0002_append_only")
