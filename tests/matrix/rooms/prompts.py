"""The rows of `apps/prompts`, what is sent, and what its addresses are about: see tests/matrix/tables.py."""

from __future__ import annotations

from typing import Any

from apps.prompts.access import get_revision
from apps.prompts.actions import comment, delete, record_use
from apps.prompts.models import Audience
from apps.sharing.actions import create_link
from tests.prompts.build import TIDES, write
from tests.world import World

ROWS = """
# route                              method  anonymous stranger viewer editor owner admin
# the prompt is its project's, written by the editor; its members may see it

prompt_library                       GET     200   200  200  200  200  200
prompts_search                       GET     200   200  200  200  200  200
prompt_models                        GET     401   404  404  404  404  404
prompt_new                           GET     login 200  200  200  200  200
prompt_new                           POST    login 302  302  302  302  302
prompt_import                        GET     login 200  200  200  200  200
prompt_import                        POST    login 302  302  302  302  302
shared_prompt                        GET     200   200  200  200  200  200
prompt_run_events                    GET     404   404  404  404  404  404
prompt_run_rate                      POST    401   404  404  404  200  404
prompt_run_continue                  POST    401   404  404  404  409  404
prompt                               GET     404   404  200  200  200  404
prompt_edit                          GET     login 404  403  200  200  404
prompt_edit                          POST    login 404  403  302  302  404
prompt_json                          GET     404   404  200  200  200  404
prompt_export                        GET     404   404  200  200  200  404
prompt_revisions                     GET     404   404  200  200  200  404
prompt_diff                          GET     404   404  200  200  200  404
prompt_lineage                       GET     404   404  200  200  200  404
prompt_sharing                       GET     login 404  403  200  200  404
prompt_sharing                       POST    login 404  403  302  302  404
prompt_link_new                      POST    login 404  403  200  200  404
prompt_link_revoke                   POST    login 404  403  302  302  404
prompt_use                           POST    401   404  201  201  201  404
prompt_run                           POST    401   404  404  404  404  404
prompt_star                          POST    login 404  302  302  302  404
prompt_fork                          POST    login 404  302  302  302  404
prompt_restore                       POST    login 404  403  302  302  404
prompt_production                    POST    login 404  403  302  302  404
prompt_delete                        POST    login 404  403  302  302  404
prompt_undelete                      POST    login 404  404  302  302  404
prompt_comment                       POST    login 404  302  302  302  404
prompt_comment_delete                POST    login 404  403  302  302  404
"""
FORMS: dict[tuple[str, str], dict[str, Any]] = {
    ("prompt_new", "POST"): {"title": "Ebb", "user": "When is ebb?", "visibility": "10"},
    ("prompt_import", "POST"): {"text": "When is ebb?"},
    ("prompt_edit", "POST"): {"title": "Ebb", "user": "When is ebb?"},
    ("prompt_sharing", "POST"): {"visibility": "40", "run": "40", "fork": "40"},
    ("prompt_link_new", "POST"): {"days": "7"},
    ("prompt_restore", "POST"): {"revision": "1"},
    ("prompt_comment", "POST"): {"text": "Good"},
}
JSON: dict[tuple[str, str], dict[str, Any]] = {
    ("prompt_run_rate", "POST"): {"rating": 4},
    ("prompt_run_continue", "POST"): {},
    ("prompt_use", "POST"): {},
    ("prompt_run", "POST"): {"project": "nowhere", "model": "none", "values": {}},
}


def things(world: World) -> dict[str, dict[str, Any]]:
    """For each route of this room the parts of its address."""
    prompt = write(world.editor, Audience.PROJECT, world.project, **TIDES)
    said = comment(actor=world.editor, prompt=prompt, text="Mind the wind")
    run = record_use(actor=world.owner, revision=get_revision(prompt))
    link, token = create_link(actor=world.editor, kind="prompt", target_id=prompt.pk, project=world.project)
    own = {"prompt_id": prompt.pk}
    gone = write(world.editor, Audience.PROJECT, world.project, title="Ebb table")
    delete(actor=world.editor, prompt=gone)
    names = ("edit", "json", "export", "revisions", "diff", "lineage", "sharing", "link_new", "use", "run", "star",
             "fork", "restore", "production", "delete", "comment")  # fmt: skip
    return {
        "prompt": own,
        **{f"prompt_{name}": own for name in names},
        "prompt_undelete": {"prompt_id": gone.pk},
        "prompt_comment_delete": own | {"comment_id": said.pk},
        "prompt_link_revoke": own | {"link_id": link.pk},
        "prompt_run_events": {"run_id": run.pk},
        "prompt_run_rate": {"run_id": run.pk},
        "prompt_run_continue": {"run_id": run.pk},
        "shared_prompt": {"token": token},
    }
