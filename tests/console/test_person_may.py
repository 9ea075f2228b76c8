"""What a person may do, for those who see the console: looked at, never taken over, and written down."""

from __future__ import annotations

import pytest
from django.db.models.functions import Now
from django.test import Client

from apps.api.actions import create_token
from apps.api.models import ApiToken
from apps.audit.models import AuditEvent
from apps.catalog.models import HostedModel
from apps.governance.models import Grant, Subject
from apps.projects.models import Membership, Project, Role
from apps.quotas.ledger import Amount, write_reservation
from apps.quotas.models import Metric, Period, Quota
from apps.quotas.models import Subject as Whose
from tests.console.conftest import Staff
from tests.conversations.build import listed_model
from tests.world import World


@pytest.fixture
def models(world: World) -> tuple[HostedModel, HostedModel]:
    """Mira for everyone, Nova for the project alone."""
    mira, nova = listed_model("mira"), listed_model("nova")
    Grant.objects.filter(hosted_model=nova).update(subject_type=Subject.PROJECT, project=world.project)
    return mira, nova


def url(person: object, project: Project | None = None) -> str:
    return f"/console/people/{person.pk}/may/" + (f"?project={project.pk}" if project else "")  # type: ignore[attr-defined]


def uses(client: Client, address: str) -> dict[str, tuple[bool, str]]:
    found = client.get(address).context["uses"]
    return {use.model.pk: (use.decision.allowed, use.decision.reason) for use in found}


def test_it_is_what_they_would_be_told_themselves(
    world: World, staff: Staff, models: tuple[HostedModel, HostedModel]
) -> None:
    admin = staff.client("admin")
    apart = uses(admin, url(world.editor))
    assert (apart["mira"][0], apart["nova"][0]) == (True, False)
    assert apart["nova"][1] == "You have no access to Nova. Ask for it, or choose another model."
    assert [allowed for allowed, _ in uses(admin, url(world.editor, world.project)).values()] == [True, True]
    viewer = uses(admin, url(world.viewer, world.project))
    assert viewer["mira"] == (
        False, "Viewers of Lighthouse can read but not ask. An owner of it can make you an editor."
    )  # fmt: skip
    page = admin.get(url(world.editor, world.project)).content.decode()
    assert "Granted to the project Lighthouse" in page
    assert "Granted to everyone" in page
    assert "Reads, writes, asks models and makes pictures" in page


def test_a_project_that_isn_t_theirs_is_no_place_to_look_from(world: World, staff: Staff) -> None:
    other = Project.objects.create(name="Hidden harbour")
    Membership.objects.create(project=other, user=world.owner, role=Role.OWNER)
    for asked in (other.pk, "\0", "nonsense"):
        answer = staff.client("admin").get(url(world.editor), {"project": asked})
        assert answer.context["place"] is None
        assert "Hidden harbour" not in answer.content.decode()


def test_what_is_left_is_told_with_whose_it_is(world: World, staff: Staff) -> None:
    for subject, limit in ((Whose.EVERY_USER, 1000), (Whose.SITE, 5000)):
        Quota.objects.create(subject=subject, metric=Metric.TOKENS, period=Period.DAY, limit=limit)
    Quota.objects.create(
        subject=Whose.PROJECT, project=world.project, metric=Metric.TOKENS, period=Period.MONTH, limit=300
    )
    write_reservation(
        job_id="0" * 16, user_id=world.editor.pk, project_id=world.project.pk, model_id="mira", amount=Amount(300)
    )
    admin = staff.client("admin")
    told = {
        (each.whose, each.limit, each.left) for each in admin.get(url(world.editor, world.project)).context["quotas"]
    }
    assert told == {
        ("Their own", "1,000 tokens a day", "700 tokens"),
        ("The site’s", "5,000 tokens a day", "4,700 tokens"),
        ("The project’s", "300 tokens a month", "0 tokens"),
    }
    assert "A quota is used up" in admin.get(url(world.editor, world.project)).content.decode()
    apart = admin.get(url(world.editor))
    assert len(apart.context["quotas"]) == 2
    assert "A quota is used up" not in apart.content.decode()


def test_ways_in_that_are_open_are_counted(world: World, staff: Staff) -> None:
    for name in ("Laptop", "Phone"):
        create_token(actor=world.editor, project=world.project, name=name, days=30)
    ApiToken.objects.filter(name="Phone").update(revoked_at=Now())
    found = staff.client("admin").get(url(world.editor)).context
    assert (found["tokens"], found["sessions"], found["links"]) == (1, 0, 0)


def test_each_look_is_written_down_and_changes_nothing_for_them(world: World, staff: Staff) -> None:
    admin = staff.client("admin")
    page = admin.get(url(world.editor, world.project)).content.decode()
    event = AuditEvent.objects.get(action="person.viewed")
    assert (event.actor_id, event.target_id, event.project_id) == (world.admin.pk, world.editor.pk, world.project.pk)
    assert "That you looked is in the audit log" in page
    assert admin.get("/me/").context["user"] == world.admin
    assert url(world.editor) in admin.get(f"/console/people/{world.editor.pk}/").content.decode()


@pytest.mark.parametrize(("role", "status"), [("governor", 200), ("auditor", 200), ("moderator", 403)])
def test_who_looks_at_the_console_looks_here_too(world: World, staff: Staff, role: str, status: int) -> None:
    assert staff.client(role).get(url(world.editor)).status_code == status
    assert AuditEvent.objects.filter(action="person.viewed").exists() == (status == 200)


def test_of_a_deactivated_person_it_says_so(
    world: World, staff: Staff, models: tuple[HostedModel, HostedModel]
) -> None:
    type(world.editor).objects.filter(pk=world.editor.pk).update(is_active=False)
    answer = staff.client("admin").get(url(world.editor))
    assert "This account is deactivated" in answer.content.decode()
    assert not any(use.decision.allowed for use in answer.context["uses"])


def test_names_are_text(world: World, staff: Staff) -> None:
    type(world.editor).objects.filter(pk=world.editor.pk).update(display_name="<script>alert(1)</script>")
    assert "<script>alert" not in staff.client("admin").get(url(world.editor)).content.decode()
