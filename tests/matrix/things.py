"""What the addresses of the matrix are about: one of each kind, all of the world's project."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.urls import URLPattern, get_resolver, reverse
from django.urls.resolvers import URLResolver
from django.utils import timezone

from apps.accounts.actions.arrivals import make_sign_in_link
from apps.accounts.actions.invitations import invite_to_sign_up
from apps.catalog.models import HostedModel, ModelVersion
from apps.conversations.actions.attaching import attach_picture, attached
from apps.conversations.models import Conversation
from apps.generations.models import Certainty, State
from apps.projects.actions.invitations import invite
from apps.projects.models import Role
from tests.conversations.build import answered, asked, make_conversation
from tests.engine.pictures.files import drawing, encoded
from tests.matrix.rooms import ROOMS
from tests.world import World

OF_MESSAGES = tuple(f"conversation_{name}" for name in ("regenerate", "alternatives", "certainty", "results"))


def things(world: World, version: ModelVersion) -> dict[str, dict[str, Any]]:
    """For each route the parts of its address."""
    conversation = make_conversation(
        world.project, world.owner, HostedModel.objects.get(pk=version.hosted_model_id), "Tides"
    )
    question = asked(conversation, "When is high tide?")
    answer = answered(question, "At noon.", State.SUCCEEDED)
    assert answer.job
    answer.job.tool_calls = [{"name": "get_tide", "arguments": "{}", "valid": True}]
    answer.job.save()
    Certainty.objects.create(job=answer.job, tokens=[["At", 0.5, []]])
    running = answered(asked(conversation, "And then?", answer), "", State.RUNNING)
    invitation, token = invite(actor=world.owner, project=world.project, email="", role=Role.VIEWER, days=1)
    _, sign_up_token = invite_to_sign_up(actor=world.admin, email="", days=1)
    deleted = make_conversation(world.project, world.owner, None, "Gone")
    Conversation.objects.filter(pk=deleted.pk).update(deleted_at=timezone.now())
    picture = attach_picture(actor=world.owner, conversation=conversation, data=encoded(drawing()))
    attached(world.owner, conversation, [picture.pk])
    project, talk = {"pid": world.project.pk}, {"cid": conversation.pk}
    member = project | {"uid": world.viewer.pk}
    return {
        "sign_in_link": {"token": make_sign_in_link(person=world.stranger)},
        "sign_up_invitation": {"token": sign_up_token},
        "session_revoke": {"session_id": 2**31 - 1},
        "account_confirm_email": {"key": "no-such-key"},
        "account_reset_password_from_key": {"uidb36": "1", "key": "no-such-key"},
        "openid_connect_login": {"provider_id": "nowhere"},
        "openid_connect_callback": {"provider_id": "nowhere"},
        "mfa_remove_webauthn": {"pk": 1},
        "mfa_edit_webauthn": {"pk": 1},
        "model": {"model_id": version.hosted_model_id},
        "project_life": project | {"change": "archive"},
        "project_uninvite": project | {"invitation_id": invitation.pk},
        "invitation": {"token": token},
        "member_role": member,
        "member_remove": member,
        "member_transfer": member,
        "job_cancel": {"jid": running.job.pk},
        **dict.fromkeys(OF_MESSAGES, talk | {"mid": answer.pk}),
        **{name: project for name in named("project") if name not in {"project_list", "project_new"}},
        **{name: talk for name in named("conversation") if name not in OF_MESSAGES},
        **dict.fromkeys(("conversation_new", *named("conversation_import")), project),
        "conversation_export": talk | {"form": "md"},
        "conversation_restore": {"cid": deleted.pk},
        "conversation_picture": talk | {"aid": picture.pk, "kind": "png"},
        "conversation_picture_remove": talk | {"aid": picture.pk},
        **{route: parts for room in ROOMS for route, parts in room.things(world).items()},
    }


def named(prefix: str) -> list[str]:
    taken = {"project_life", "project_uninvite"}
    return [name for name, _ in routes() if name.startswith(prefix) and name not in taken]


def routes() -> Iterator[tuple[str, str]]:
    """Name (its pattern where it has none) and pattern of every address of the site."""
    yield from _walk(get_resolver(), "")


def _walk(resolver: URLResolver, prefix: str) -> Iterator[tuple[str, str]]:
    for entry in resolver.url_patterns:
        pattern = prefix + str(entry.pattern)
        if isinstance(entry, URLPattern):
            yield entry.name or pattern, pattern
        else:
            yield from _walk(entry, pattern)


def address(route: str, parts: dict[str, dict[str, Any]]) -> str:
    return f"/{route}" if "/" in route else reverse(route, kwargs=parts.get(route))
