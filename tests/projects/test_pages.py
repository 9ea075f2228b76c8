"""The pages of projects, seen by each person."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.accounts.models import User
from apps.audit.models import AuditEvent
from apps.projects.access import role_of
from apps.projects.models import Membership, Project, Role
from tests.projects.conftest import SignedIn
from tests.world import World


def said(response: HttpResponse) -> str:
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def test_home_leads_to_setup_while_there_is_no_administrator(client: Client, db: None) -> None:
    assert client.get("/").headers["Location"] == reverse("setup")


def test_home_is_a_landing_page_for_signed_out_people(client: Client, world: World) -> None:
    response = client.get("/")
    assert response.status_code == 200
    assert reverse("account_login") in response.text


def test_home_leads_to_the_only_project(signed_in: SignedIn, world: World) -> None:
    assert signed_in("viewer").get("/").headers["Location"] == reverse("project", args=[world.project.pk])


def test_home_leads_to_the_list_where_there_is_a_choice_or_none(signed_in: SignedIn, world: World) -> None:
    assert signed_in("stranger").get("/").headers["Location"] == reverse("project_list")
    other = Project.objects.create(name="Other")
    Membership.objects.create(project=other, user=world.owner, role=Role.VIEWER)
    assert signed_in("owner").get("/").headers["Location"] == reverse("project_list")


def test_home_leads_back_to_the_last_project_while_one_belongs_to_it(signed_in: SignedIn, world: World) -> None:
    other = Project.objects.create(name="Other")
    membership = Membership.objects.create(project=other, user=world.owner, role=Role.VIEWER)
    browser = signed_in("owner")
    browser.get(reverse("project_members", args=[other.pk]))
    assert browser.get("/").headers["Location"] == reverse("project", args=[other.pk])
    membership.delete()
    assert browser.get("/").headers["Location"] == reverse("project", args=[world.project.pk])


def test_the_list_shows_own_projects_alone(signed_in: SignedIn, world: World) -> None:
    Project.objects.create(name="Secret garden")
    text = signed_in("viewer").get(reverse("project_list")).text
    assert "Lighthouse" in text
    assert "3 members" in text
    assert "Secret garden" not in text
    assert "Start your first project" in signed_in("stranger").get(reverse("project_list")).text


@pytest.mark.parametrize("name", ["project_list", "project_members"])
def test_a_longer_list_takes_no_more_queries(signed_in: SignedIn, world: World, name: str) -> None:
    args = [] if name == "project_list" else [world.project.pk]
    browser = signed_in("owner")
    browser.get(reverse(name, args=args))

    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert browser.get(reverse(name, args=args)).status_code == 200
        return len(captured)

    before = queries()
    for n in range(10):
        person = User.objects.create_user(f"more{n}@example.org")
        Membership.objects.create(project=world.project, user=person, role=Role.VIEWER)
        Membership.objects.create(project=Project.objects.create(name=f"P{n}"), user=world.owner, role=Role.OWNER)
    assert queries() == before
    assert before <= 16


def test_creating_one(signed_in: SignedIn, world: World) -> None:
    browser = signed_in("stranger")
    response = browser.post(reverse("project_new"), {"name": " Harbour ", "description": "Ships\nand tides"})
    project = Project.objects.get(name="Harbour")
    assert response.headers["Location"] == reverse("project", args=[project.pk])
    assert project.description == "Ships and tides"
    assert role_of(world.stranger, project) is Role.OWNER


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "nul\x00"])
def test_a_bad_name_is_explained(signed_in: SignedIn, world: World, name: str) -> None:
    response = signed_in("owner").post(reverse("project_new"), {"name": name, "description": ""})
    assert response.status_code == 422
    assert 'aria-invalid="true"' in response.text
    assert Project.objects.count() == 1


def test_settings_for_owners_and_for_readers(signed_in: SignedIn, world: World) -> None:
    url = reverse("project_settings", args=[world.project.pk])
    assert "Delete this project for good" in signed_in("owner").get(url).text
    text = signed_in("viewer").get(url).text
    assert "Owners of the project can change its settings" in text
    assert "Delete this project" not in text
    assert signed_in("owner").post(url, {"name": "Beacon", "description": ""}).headers["Location"] == url
    assert signed_in("owner").post(url, {"name": "", "description": ""}).status_code == 422
    assert Project.objects.get().name == "Beacon"


def test_archive_and_delete(signed_in: SignedIn, world: World) -> None:
    browser, args = signed_in("owner"), [world.project.pk]
    browser.post(reverse("project_life", args=[*args, "archive"]))
    page = browser.get(reverse("project_settings", args=args)).text
    assert "It can be read, not changed" in page
    assert browser.post(reverse("project_settings", args=args), {"name": "X"}).status_code == 403
    assert "Archived" in browser.get(reverse("project_list")).text
    browser.post(reverse("project_life", args=[*args, "unarchive"]))
    wrong = browser.post(reverse("project_delete", args=args), {"typed_name": "lighthouse"})
    assert wrong.status_code == 422
    assert "type the name of the project exactly" in wrong.text
    right = browser.post(reverse("project_delete", args=args), {"typed_name": "Lighthouse"})
    assert right.headers["Location"] == reverse("project_list")
    assert not Project.objects.exists()


def test_members_page_for_owners_and_for_readers(signed_in: SignedIn, world: World) -> None:
    url = reverse("project_members", args=[world.project.pk])
    owner, viewer = signed_in("owner").get(url).text, signed_in("viewer").get(url).text
    for text in (owner, viewer):
        assert "editor@example.org" in text
    assert "Invite someone" in owner
    assert "Invite someone" not in viewer
    assert "Open invitations" not in viewer


def test_roles_removal_and_handing_over(signed_in: SignedIn, world: World) -> None:
    browser = signed_in("owner")

    def post(name: str, person: User, **data: object) -> HttpResponse:
        return browser.post(reverse(name, args=[world.project.pk, person.pk]), data)

    assert "is owner now" in said(post("member_role", world.viewer, role=30))
    assert "is viewer now" in said(post("member_role", world.viewer, role=10))
    for wrong in ("", "99", "x"):
        assert "Choose one of the roles" in said(post("member_role", world.viewer, role=wrong))
    assert "last owner" in said(post("member_role", world.owner, role=10))
    assert "last owner" in said(post("member_remove", world.owner))
    assert "no longer a member" in said(post("member_remove", world.viewer))
    assert post("member_remove", world.viewer).status_code == 404
    assert post("member_transfer", world.stranger).status_code == 404
    assert "already" in said(post("member_transfer", world.owner))
    assert "you are an editor" in said(post("member_transfer", world.editor))
    assert post("member_transfer", world.editor).status_code == 403
    assert role_of(world.editor, world.project) is Role.OWNER


def test_leaving(signed_in: SignedIn, world: World) -> None:
    url = reverse("project_leave", args=[world.project.pk])
    assert "last owner" in said(signed_in("owner").post(url))
    assert signed_in("viewer").post(url).headers["Location"] == reverse("project_list")
    assert signed_in("viewer").post(url).status_code == 404


POSTS = [
    ("project_settings", []),
    ("project_life", ["archive"]),
    ("project_delete", []),
    ("member_role", ["editor"]),
    ("member_remove", ["editor"]),
    ("member_transfer", ["editor"]),
    ("project_invite", []),
    ("project_uninvite", ["x"]),
]


@pytest.mark.parametrize(("name", "more"), POSTS)
def test_who_may_not_is_told_and_it_is_recorded(signed_in: SignedIn, world: World, name: str, more: list[str]) -> None:
    more = [world.editor.pk if each == "editor" else each for each in more]
    url = reverse(name, args=[world.project.pk, *more])
    for who in ("stranger", "admin"):
        assert signed_in(who).post(url).status_code == 404
    assert not AuditEvent.objects.exists()
    for who in ("viewer", "editor"):
        response = signed_in(who).post(url)
        assert response.status_code == 403
        event = AuditEvent.objects.latest("id")
        assert (event.action, event.outcome) == ("access.denied", "denied")
        assert (event.actor_id, event.project_id) == (world.person(who).pk, world.project.pk)
        assert event.target_id == name
        assert "this needs an owner" in event.details["reason"]
    assert Client().post(url).headers["Location"].startswith(reverse("account_login"))
    if name != "project_settings":
        assert signed_in("owner").get(url).status_code == 405


@pytest.fixture
def broken_log(transactional_db: None) -> Iterator[None]:
    """A log that refuses every insert, as a full disk would."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditevent ADD CONSTRAINT broken CHECK (false) NOT VALID")
        yield
        cursor.execute("ALTER TABLE audit_auditevent DROP CONSTRAINT broken")


@pytest.mark.usefixtures("broken_log")
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_broken_audit_log_answers_503(signed_in: SignedIn, world: World, method: str) -> None:
    if method == "get":
        response = signed_in("admin").get(reverse("console_audit"))
    else:
        response = signed_in("owner").post(reverse("project_new"), {"name": "Harbour"})
    assert response.status_code == 503
    assert "Nothing was changed" in response.text
    assert response.headers["Retry-After"] == "30"
    assert Project.objects.count() == 1
    as_json = signed_in("owner").post(reverse("project_new"), {"name": "H"}, headers={"accept": "application/json"})
    assert as_json.json()["error"]["code"] == "audit_unavailable"
    refused = signed_in("viewer").post(reverse("project_delete", args=[world.project.pk]))
    assert refused.status_code == 503


def test_pages_outside_a_project_keep_the_last_one_beside_them(world: World, client: Client) -> None:
    Project.objects.bulk_create([other := Project(name="Harbour")])
    Membership.objects.create(project=other, user=world.owner, role=Role.OWNER)
    client.force_login(world.owner)
    studio = f'href="/p/{world.project.pk}/studio/"'
    places = ("/prompts/", "/models/", "/me/notices/", "/me/usage/", "/me/")
    assert all(studio not in client.get(place).content.decode() for place in places), "there is a choice to make"
    client.get(f"/p/{world.project.pk}/conversations/")
    assert all(studio in client.get(place).content.decode() for place in places)
    assert studio not in client.get("/projects/").content.decode()
    Membership.objects.filter(user=world.owner, project=world.project).delete()
    page = client.get("/models/").content.decode()
    assert (studio in page, "Lighthouse" in page) == (False, False)


def test_the_usage_of_a_project_is_beside_every_page_of_it_and_leads_back(world: World, client: Client) -> None:
    client.force_login(world.owner)
    usage = f"/p/{world.project.pk}/usage/"
    assert f'href="{usage}"' in client.get(f"/p/{world.project.pk}/conversations/").content.decode()
    assert f'href="/p/{world.project.pk}/links/"' in client.get(usage).content.decode()
