"""The rows of `apps/sharing`, what is sent, and what its addresses are about: see tests/matrix/tables.py."""

from __future__ import annotations

from typing import Any

from apps.conversations.actions.attaching import attach_picture, attached
from apps.conversations.actions.sharing import share_conversation
from apps.conversations.models import Conversation
from apps.prompts.models import Audience, Prompt
from tests.engine.pictures.files import drawing, encoded
from tests.world import World

ROWS = """
# route                              method  anonymous stranger viewer editor owner admin

share_links                          GET     login 200  200  200  200  200
share_link_revoke                    POST    login 404  404  302  302  404
project_links                        GET     login 404  403  403  200  404

conversation_insert                  POST    401   404  403  200  200  404
conversation_save_prompt             POST    401   404  201  201  201  404
conversation_share                   POST    401   404  403  201  201  404
shared_conversation                  GET     200   200  200  200  200  200
shared_copy                          GET     login 404  404  200  404  404
shared_picture                       GET     200   200  200  200  200  200
shared_copy_picture                  GET     404   404  404  200  404  404
shared_continue                      GET     login 302  302  302  302  302
# without a project chosen: the page again, with what is missing
shared_continue                      POST    login 409  409  409  409  409
"""
MESSAGE = "sharedmessage000"
PROMPT = "0123456789abcdef"
FORMS: dict[tuple[str, str], dict[str, Any]] = {}
JSON: dict[tuple[str, str], dict[str, Any]] = {
    ("conversation_insert", "POST"): {"prompt": PROMPT, "values": {"place": "Rome"}},
    ("conversation_save_prompt", "POST"): {"title": "Tides"},
    ("conversation_share", "POST"): {"messages": [MESSAGE], "days": "7"},
}


def things(world: World) -> dict[str, dict[str, Any]]:
    """For each route of this room the parts of its address."""
    conversation = Conversation.objects.create(project=world.project, created_by=world.editor, title="Tides")
    picture = attach_picture(actor=world.editor, conversation=conversation, data=encoded(drawing()))
    message = conversation.messages.create(
        id=MESSAGE, role="user", text="When is high tide?", pictures=attached(world.editor, conversation, [picture.pk])
    )
    shared, link, token = share_conversation(
        actor=world.editor, conversation=conversation, message_ids=[message.pk], lifetime=None
    )
    prompt = Prompt.objects.create(id=PROMPT, author=world.stranger, title="Places", visibility=Audience.MEMBERS)
    variables = [{"name": "place", "type": "string", "label": "", "help": "", "default": "", "required": True}]
    prompt.head = prompt.revisions.create(number=1, title="Places", user="See {{ place }}.", variables=variables)
    prompt.save()
    return {
        "conversation_insert": {"cid": conversation.pk},
        "conversation_save_prompt": {"cid": conversation.pk, "mid": message.pk},
        "conversation_share": {"cid": conversation.pk},
        "shared_conversation": {"token": token},
        "shared_continue": {"token": token},
        "shared_copy": {"shared_id": shared.pk},
        "shared_picture": {"token": token, "aid": picture.pk, "kind": "png"},
        "shared_copy_picture": {"shared_id": shared.pk, "aid": picture.pk, "kind": "webp"},
        "share_link_revoke": {"link_id": link.pk},
    }
