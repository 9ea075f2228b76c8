"""Roles, groups, grants, requests and switches, as they are changed from the console."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.models import AuditEvent
from apps.catalog.models import HostedModel, ModelVersion
from apps.conversations.models import Conversation
from apps.generations.models import LoadTime
from apps.governance.decisions import explain
from apps.governance.models import AccessRequest, Grant, KillSwitch, RequestState, Subject
from apps.quotas.governing import set_price
from apps.quotas.models import Price, Quota
from tests.accounts.people import sign_in
from tests.console.conftest import Staff
from tests.matrix.rooms import console
from tests.world import World, make_world


@pytest.fixture
def model(world: World) -> HostedModel:
    console.things(world)
    return HostedModel.objects.get(pk=console.MODEL)


def post(client: Client, route: str, *parts: Any, **form: Any) -> str:
    """The page that comes of it, with what it tells."""
    return client.post(reverse(route, args=parts), form, follow=True).content.decode()


def may(person: User, model: HostedModel) -> bool:
    return explain(actor=person, action="generate", model=model, project=None).decision.allowed


def test_a_role_is_given_and_taken(world: World, staff: Staff) -> None:
    client = staff.client("admin")
    post(client, "console_role", world.stranger.pk, role="auditor")
    assert User.objects.get(pk=world.stranger.pk).site_role == "auditor"
    post(client, "console_role", world.stranger.pk, role="admin")
    promoted = User.objects.get(pk=world.stranger.pk)
    assert (promoted.is_admin, promoted.site_role) == (True, "")
    post(client, "console_role", world.stranger.pk, role="")
    assert not User.objects.get(pk=world.stranger.pk).is_admin
    assert AuditEvent.objects.filter(action="person.role.changed").count() == 2


def test_the_last_administrator_keeps_the_role(world: World, staff: Staff) -> None:
    page = post(staff.client("admin"), "console_role", world.admin.pk, role="auditor")
    assert "only administrator" in page
    kept = User.objects.get(pk=world.admin.pk)
    assert (kept.is_admin, kept.site_role) == (True, "")


def test_a_group_gives_and_takes_the_use_of_a_model(world: World, staff: Staff, model: HostedModel) -> None:
    client = staff.client("admin")
    Grant.objects.filter(hosted_model=model).delete()
    Grant.objects.create(subject_type=Subject.USER, user=world.owner, hosted_model=model)
    post(client, "console_group_new", name="Poets")
    group = Group.objects.get(name="Poets")
    post(client, "console_grant_new", model=model.pk, subject="group", group=group.pk, expires_at="2099-12-31")
    assert not may(world.stranger, model)
    post(client, "console_group_add", group.pk, person="Stranger@example.org")
    assert may(world.stranger, model)
    post(client, "console_group_remove", group.pk, world.stranger.pk)
    assert not may(world.stranger, model)
    made = AuditEvent.objects.filter(action__startswith="group.").values_list("action", flat=True)
    assert {"group.created", "group.member.added", "group.member.removed"} <= set(made)


def test_names_of_groups_are_kept_apart(world: World, staff: Staff) -> None:
    client = staff.client("admin")
    Group.objects.create(name="Poets")
    assert "There is a group called poets already" in post(client, "console_group_new", name="poets")
    assert Group.objects.filter(name__iexact="poets").count() == 1


def test_no_change_locks_everybody_out(world: World, staff: Staff, model: HostedModel) -> None:
    Grant.objects.all().delete()
    poets, nobody = Group.objects.create(name="Poets"), Group.objects.create(name="Nobody")
    poets.user_set.add(world.stranger)
    other = ModelVersion.objects.create(
        hosted_model=model, digest="f" * 64, size_bytes=1, license_id="MIT", context_length=9
    )
    about = {"subject_type": Subject.GROUP, "hosted_model": model, "model_version": model.default_version}
    grant = Grant.objects.create(group=poets, **about)
    Grant.objects.create(group=nobody, **about)
    client = staff.client("admin")
    for change in (
        ("console_group_delete", poets.pk),
        ("console_group_remove", poets.pk, world.stranger.pk),
        ("console_grant_revoke", grant.pk),
    ):
        assert "nobody could use any model" in post(client, *change), change
    for route, form in (
        ("console_model_enable", {"enabled": "no"}),
        ("console_model_version", {"version": other.pk}),
        ("console_model_state", {"state": "retired"}),
    ):
        assert "nobody could use any model" in post(client, route, model.pk, **form), route
    assert may(world.stranger, HostedModel.objects.get(pk=model.pk))
    Grant.objects.create(subject_type=Subject.USER, user=world.owner, hosted_model=model)
    assert "no longer in Poets" in post(client, "console_group_remove", poets.pk, world.stranger.pk)


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"subject": "group"}, "Choose the group."),
        ({"subject": "user", "user": "nobody@example.org"}, "Nobody here has this address."),
        ({"subject": "project", "project": "Nowhere"}, "There is no project of this name or id."),
        ({"subject": "everyone", "expires_at": "2001-01-01"}, "is past"),
        ({"subject": "everyone", "max_tokens": "0"}, "greater than or equal to 1"),
        ({"subject": "group", "group": "999999"}, "valid choice"),
    ],
)
def test_bad_grants_make_nothing(staff: Staff, model: HostedModel, form: dict[str, str], sentence: str) -> None:
    before = Grant.objects.count()
    response = staff.client("governor").post(reverse("console_grant_new"), {"model": model.pk, **form})
    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert Grant.objects.count() == before


def test_a_request_is_approved_once_and_the_second_reads_by_whom(
    world: World, staff: Staff, model: HostedModel
) -> None:
    asked = AccessRequest.objects.get(user=world.stranger)
    post(staff.client("governor"), "console_request_approve", asked.pk, expires_at="2099-12-31", answer="Welcome.")
    assert "Approved already by Governor" in post(
        staff.client("admin"), "console_request_decline", asked.pk, answer="No."
    )
    asked.refresh_from_db()
    assert (asked.state, asked.answer, asked.decided_by) == (RequestState.APPROVED, "Welcome.", staff.governor)
    assert asked.grant is not None
    assert asked.grant.expires_at is not None


@pytest.mark.django_db(transaction=True)
def test_two_approvers_at_once_make_one_grant() -> None:
    from django.db import connection

    world = make_world()
    console.things(world)
    other = User.objects.create_user("governor@example.org", None, site_role="governor")
    asked = AccessRequest.objects.get(user=world.stranger)

    def approve(person: User) -> str:
        client = Client()
        sign_in(client, person)
        try:
            return post(client, "console_request_approve", asked.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        pages = list(pool.map(approve, [world.admin, other]))
    assert sorted("Approved already by" in page for page in pages) == [False, True]
    assert Grant.objects.filter(user=world.stranger).count() == 1


def test_stopping_and_releasing(staff: Staff, world: World, model: HostedModel) -> None:
    client = staff.client("governor")
    assert "Say why" in post(client, "console_site_stop", message=" ")
    post(client, "console_site_stop", message="The machine is being moved.")
    stop = KillSwitch.objects.thrown().get(hosted_model=None)
    assert not may(world.owner, model)
    assert "The machine is being moved." in client.get(reverse("console_overview")).content.decode()
    assert "stopped already" in post(client, "console_site_stop", message="Again.")
    post(client, "console_release", stop.pk)
    assert may(world.owner, model)


def test_the_matrix_and_the_explanation_say_why(staff: Staff, world: World, model: HostedModel) -> None:
    client = staff.client("auditor")
    page = client.get(reverse("console_matrix"), {"q": "owner@"}).content.decode()
    assert "by name" in page or "as everyone" in page
    asked = {"person": "stranger@example.org", "model": model.pk, "project": "Lighthouse"}
    page = client.get(reverse("console_explain"), asked).content.decode()
    assert "Stranger may not use" in page
    assert "Not a member of Lighthouse." in page
    assert "Granted to everyone." in page


def test_quotas_and_prices_are_set_and_removed(staff: Staff, world: World) -> None:
    client = staff.client("governor")
    form = {"subject": "user", "user": "owner@example.org", "metric": "tokens", "period": "day", "limit": "1000"}
    post(client, "console_quota_set", **form)
    post(client, "console_quota_set", **form | {"limit": "2000"})
    quota = Quota.objects.get()
    assert (quota.user, quota.limit) == (world.owner, 2000)
    assert "Choose the person" in post(client, "console_quota_set", **form | {"user": ""})
    post(client, "console_quota_remove", quota.pk)
    assert not Quota.objects.exists()
    assert "three letters" in post(client, "console_price_set", per_second="0.01", currency="")
    post(client, "console_price_set", per_second="0.01", currency="eur")
    assert Price.objects.get().currency == "EUR"


def test_explaining_shows_nothing_of_what_is_in_the_project(staff: Staff, world: World, model: HostedModel) -> None:
    Conversation.objects.create(project=world.project, created_by=world.owner, title="Secret tides")
    asked = {"person": "owner@example.org", "model": model.pk, "project": "Lighthouse"}
    page = staff.client("auditor").get(reverse("console_explain"), asked).content.decode()
    assert "Owner may use" in page
    assert "Secret tides" not in page


def test_who_reads_reasoning_and_how_answers_are_read(staff: Staff, model: HostedModel) -> None:
    governor = staff.client("governor")
    assert "is hidden now" in post(governor, "console_model_reasoning", model.pk, policy="hidden")
    assert "Choose whether" in post(governor, "console_model_reasoning", model.pk, policy="whispered")
    version = model.versions.get(pk=console.VERSION)
    form = {"version": version.pk, "format": "qwen3"}
    assert "are read as “Qwen3" in post(governor, "console_model_format", model.pk, **form)
    assert "Choose one of the formats" in post(governor, "console_model_format", model.pk, **form | {"format": "x"})
    post(governor, "console_model_format", model.pk, **form)  # changes nothing
    model.refresh_from_db()
    version.refresh_from_db()
    assert (model.reasoning, version.answer_format) == ("hidden", "qwen3")
    told = AuditEvent.objects.filter(action__in=("model.reasoning.changed", "model.format.changed")).order_by("id")
    assert [event.details for event in told] == [
        {"policy": "hidden"}, {"digest": version.digest, "before": "plain", "after": "qwen3"},
    ]  # fmt: skip


def test_the_longest_time_of_an_answer(staff: Staff, model: HostedModel) -> None:
    governor = staff.client("governor")
    assert "ends after 90 s now" in post(governor, "console_model_time", model.pk, longest_seconds="90")
    assert (
        'name="longest_seconds" value="90"' in governor.get(reverse("console_model", args=[model.pk])).content.decode()
    )
    assert "An answer ends after 90 s" in governor.get(reverse("model", args=[model.pk])).content.decode()
    for wrong in ("0", "-5", "soon", "99999999"):
        assert "from 1 to 86,400" in post(governor, "console_model_time", model.pk, longest_seconds=wrong)
    LoadTime.objects.create(
        version_id=console.VERSION, device="cpu", seconds=42.4, size_bytes=1, measured_at=timezone.now()
    )
    told = post(governor, "console_model_time", model.pk, longest_seconds="42")
    assert "Loading it takes about 42 s, and that counts" in told
    post(governor, "console_model_time", model.pk, longest_seconds="90")  # changes nothing
    assert "as long as it takes" in post(governor, "console_model_time", model.pk, longest_seconds="")
    model.refresh_from_db()
    assert model.longest_seconds is None
    events = AuditEvent.objects.filter(action="model.time.changed").order_by("id")
    assert [event.details for event in events] == [{"before": None, "after": 90}, {"before": 90, "after": None}]


def test_the_overview_tells_costs_where_there_are_prices(staff: Staff, world: World) -> None:
    client = staff.client("governor")
    assert "0.00" not in client.get(reverse("console_overview")).content.decode()
    set_price(actor=world.admin, model=None, per_second=Decimal(1), currency="EUR")
    assert client.get(reverse("console_overview")).content.decode().count("0.00 EUR") == 2
