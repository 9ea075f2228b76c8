"""Grants, requests, licences and switches: what they refuse, what they record, who is told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import transaction
from django.test import Client
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.catalog.models import HostedModel
from apps.governance.actions.grants import create_grant, revoke_grant
from apps.governance.actions.requests import approve_request, decline_request, request_access
from apps.governance.actions.switches import release_switch, throw_switch
from apps.governance.decisions import authorize
from apps.governance.errors import GovernanceRefused
from apps.governance.models import AccessRequest, Grant, RequestState, Subject
from tests.conversations.build import listed_model
from tests.world import World


@pytest.fixture
def mira(world: World) -> HostedModel:
    """Granted to nobody but the owner."""
    model = listed_model("mira")
    Grant.objects.all().delete()
    Grant.objects.create(subject_type=Subject.USER, user=world.owner, hosted_model=model)
    return model


def test_asked_approved_and_told(world: World, mira: HostedModel, client: Client) -> None:
    client.force_login(world.editor)
    assert "no access to Mira" in client.get(f"/models/mira/access/?project={world.project.pk}").content.decode()
    client.post(f"/models/mira/access/?project={world.project.pk}", {"reason": "For the tides."})
    asked = AccessRequest.objects.get()
    assert (asked.user, asked.project, asked.state) == (world.editor, world.project, RequestState.OPEN)
    assert world.admin.notices.get().title == "Editor asks for access to Mira"
    end = timezone.now() + timedelta(days=7)
    grant = approve_request(actor=world.admin, request=asked, expires_at=end)
    assert (grant.user, grant.expires_at) == (world.editor, end)
    assert authorize(actor=world.editor, action="generate", model=mira, project=world.project).allowed
    assert "You may use Mira until" in world.editor.notices.get().title
    assert "Approved" in client.get("/access/").content.decode()
    actions = AuditEvent.objects.filter(target_id="mira").order_by("pk").values_list("action", flat=True)
    assert list(actions) == ["model.access.requested", "model.grant.created", "model.access.approved"]


def test_the_second_of_two_approvers_reads_what_the_first_did(world: World, mira: HostedModel) -> None:
    asked = request_access(actor=world.editor, model=mira)
    decline_request(actor=world.admin, request=asked, answer="Not this month.")
    with pytest.raises(GovernanceRefused, match="Declined already by Admin"):
        approve_request(actor=world.owner, request=asked)
    assert Grant.objects.count() == 1


def test_one_open_request_for_one_model(world: World, mira: HostedModel) -> None:
    request_access(actor=world.editor, model=mira)
    with pytest.raises(GovernanceRefused, match="asked for Mira already"):
        request_access(actor=world.editor, model=mira)


def test_what_a_grant_can_not_be(world: World, mira: HostedModel) -> None:
    gone = Group.objects.create(name="Gone")
    Group.objects.filter(pk=gone.pk).delete()
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("group was deleted", {"whom": gone}),
        ("is past", {"whom": world.editor, "expires_at": timezone.now()}),
        ("would permit nothing", {"whom": world.editor, "max_params": {"max_tokens": 0}}),
        ("can't be limited", {"whom": world.editor, "max_params": {"magic": 1}}),
        ("this very grant", {"whom": world.owner}),
    ]
    for sentence, about in wrong:
        with pytest.raises(GovernanceRefused, match=sentence), transaction.atomic():
            create_grant(actor=world.admin, model=mira, **about)
    assert Grant.objects.count() == 1


def test_the_last_grant_can_not_be_revoked(world: World, mira: HostedModel) -> None:
    last = Grant.objects.get()
    with pytest.raises(GovernanceRefused, match="nobody could use any model"):
        revoke_grant(actor=world.admin, grant=last)
    assert Grant.objects.live().get() == last
    create_grant(actor=world.admin, model=mira, whom=Subject.EVERYONE)
    assert revoke_grant(actor=world.admin, grant=last)
    assert not revoke_grant(actor=world.admin, grant=last)


def test_a_licence_stands_before_the_first_use(world: World, mira: HostedModel, client: Client) -> None:
    HostedModel.objects.update(is_gated=True)
    mira.refresh_from_db()
    asked: dict[str, Any] = {"actor": world.owner, "action": "generate", "model": mira, "project": world.project}
    assert authorize(**asked).code == "licence"
    client.force_login(world.owner)
    client.post("/models/mira/licence/", {"licence": "another"})
    assert authorize(**asked).code == "licence"
    client.post("/models/mira/licence/", {"licence": "Apache-2.0"})
    assert authorize(**asked).allowed


def test_a_switch_is_thrown_once_and_with_a_word(world: World, mira: HostedModel) -> None:
    with pytest.raises(GovernanceRefused, match="Say why"):
        throw_switch(actor=world.admin, model=None, message="  ")
    switch = throw_switch(actor=world.admin, model=None, message="Flood.")
    with pytest.raises(GovernanceRefused, match="stopped already"):
        throw_switch(actor=world.admin, model=None, message="Again.")
    assert release_switch(actor=world.admin, switch=switch)
    assert not release_switch(actor=world.admin, switch=switch)
