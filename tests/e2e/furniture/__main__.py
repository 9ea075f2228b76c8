"""python -m tests.e2e.furniture EMAIL: beside a running site; writes the addresses of what it made as JSON."""

from __future__ import annotations

import json
import sys

import django

django.setup()

from django.db import transaction  # noqa: E402

from apps.conversations.actions.sharing import share_conversation  # noqa: E402
from apps.conversations.models import Conversation  # noqa: E402
from tests.e2e.furniture import access, library, people, pictures, reports, tokens, usage  # noqa: E402


@transaction.atomic
def furnish(email: str) -> dict[str, str]:
    here = people.settle(email)
    made = access.govern(here) | library.write(here) | reports.moderate(here) | pictures.hang(here)
    usage.use(here)
    tokens.give(here)
    return made | {
        "person": here.member.pk, "other": here.others[0].pk, "group": str(here.groups[0].pk),
        "empty_group": str(here.groups[-1].pk), "shared": _share(here),
    }  # fmt: skip


def _share(here: people.People) -> str:
    """The token of a link to all messages of the first conversation."""
    conversation = Conversation.objects.filter(project=here.project).order_by("created_at")[0]
    messages = conversation.messages.order_by("created_at").values_list("pk", flat=True)
    _, _, token = share_conversation(
        actor=here.member, conversation=conversation, message_ids=list(messages), lifetime=None
    )
    return token


if __name__ == "__main__":
    print(json.dumps(furnish(sys.argv[1])))
