"""The rows of `apps/api`, what is sent, and what its addresses are about: see tests/matrix/tables.py."""

from __future__ import annotations

from typing import Any

from apps.api.actions import create_token
from tests.world import World

ROWS = """
# route                              method  anonymous stranger viewer editor owner admin

api_tokens                           GET     login 200  200  200  200  200
# without a project chosen: the page again, with what is missing
api_tokens                           POST    login 422  422  422  422  422
api_token_revoke                     POST    login 404  404  302  404  404
# the same token, by the page of its project's members
project_token_revoke                 POST    login 404  403  403  302  404

# for programs, which have a token: being signed in opens nothing
api_models                           GET     401   401  401  401  401  401
api_model                            GET     401   401  401  401  401  401
api_chat_completions                 POST    401   401  401  401  401  401
api_responses                        POST    401   401  401  401  401  401
api_images_generations               POST    401   401  401  401  401  401
api_images_edits                     POST    401   401  401  401  401  401
api_nowhere                          GET     404   404  404  404  404  404
"""
FORMS: dict[tuple[str, str], dict[str, Any]] = {("api_tokens", "POST"): {"name": "Notebook", "days": "30"}}
JSON: dict[tuple[str, str], dict[str, Any]] = {
    ("api_chat_completions", "POST"): {"model": "demo", "messages": [{"role": "user", "content": "Hello"}]},
    ("api_responses", "POST"): {"model": "demo", "input": "Hello"},
    ("api_images_generations", "POST"): {"model": "painter", "prompt": "a red apple"},
}


def things(world: World) -> dict[str, dict[str, Any]]:
    """For each route of this room the parts of its address."""
    token, _ = create_token(actor=world.editor, project=world.project, name="Notebook", days=30)
    return {
        "api_token_revoke": {"token_id": token.pk},
        "project_token_revoke": {"pid": world.project.pk, "token_id": token.pk},
        "api_model": {"name": "demo"},
        "api_nowhere": {"rest": "/embeddings"},
    }
