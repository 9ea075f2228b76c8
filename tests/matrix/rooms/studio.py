"""The rows of `apps/studio`, what is sent, and what its addresses are about: see tests/matrix/tables.py."""

from __future__ import annotations

from typing import Any

from apps.catalog.models import HostedModel
from apps.studio.actions.boards import create_board
from tests.generations.pictures import hosted_painter
from tests.studio.build import painted
from tests.world import World

ROWS = """
# route                              method  anonymous stranger viewer editor owner admin
# the picture was made by the editor; what is sent fits no picture, so that access alone decides

studio                               GET     login 404  200  200  200  404
studio_tiles                         GET     login 404  200  200  200  404
studio_deleted                       GET     login 404  403  200  200  404
studio_choices                       GET     401   404  200  200  200  404
studio_models                        GET     401   404  200  200  200  404
studio_submit                        POST    401   404  403  201  201  404
studio_quote                         POST    401   404  403  200  200  404
studio_read                          POST    401   404  422  422  422  404
studio_mask                          POST    401   404  403  422  422  404
studio_download                      POST    login 404  302  302  302  404
studio_delete                        POST    401   404  403  404  404  404
studio_restore                       POST    401   404  403  200  200  404
studio_favourite                     POST    401   404  404  404  404  404
studio_boards                        GET     login 404  200  200  200  404
studio_board_new                     POST    401   404  403  201  201  404
studio_board_put                     POST    401   404  403  404  404  404
board_rename                         POST    401   404  403  200  200  404
board_cover                          POST    401   404  403  200  200  404
board_delete                         POST    401   404  403  200  200  404
picture                              GET     login 404  200  200  200  404
picture_vary                         POST    login 404  403  302  302  404
picture_attach                       POST    401   404  403  404  404  404
picture_ask                          POST    login 404  403  302  302  404
"""
FORMS: dict[tuple[str, str], dict[str, Any]] = {}
NOBODY_S = ["0" * 16]
JSON: dict[tuple[str, str], dict[str, Any]] = {
    ("studio_submit", "POST"): {"client_id": "a-send-001", "model": "painter", "params": {"prompt": "a red apple"}},
    ("studio_quote", "POST"): {"model": "painter", "params": {"prompt": "a red apple"}},
    ("studio_delete", "POST"): {"pictures": NOBODY_S},
    ("studio_restore", "POST"): {"pictures": NOBODY_S},
    ("studio_favourite", "POST"): {"pictures": NOBODY_S, "on": True},
    ("studio_board_new", "POST"): {"name": "Cars"},
    ("studio_board_put", "POST"): {"board": NOBODY_S[0], "pictures": NOBODY_S, "on": True},
    ("board_rename", "POST"): {"name": "Cars"},
    ("board_cover", "POST"): {"picture": None},
    ("board_delete", "POST"): {},
    ("picture_attach", "POST"): {"conversation": NOBODY_S[0]},
}


def things(world: World) -> dict[str, dict[str, Any]]:
    """For each route of this room the parts of its address."""
    painter = HostedModel.objects.filter(pk="painter").first() or hosted_painter()
    picture = painted(world.project, world.editor, painter)
    board = create_board(actor=world.owner, project=world.project, name="Fruit")
    names = ("tiles", "deleted", "choices", "models", "submit", "quote", "read", "mask", "download", "delete",
             "restore", "favourite", "boards", "board_new", "board_put")  # fmt: skip
    return {
        "studio": {"pid": world.project.pk},
        **{f"studio_{name}": {"pid": world.project.pk} for name in names},
        "board_rename": {"bid": board.pk},
        "board_cover": {"bid": board.pk},
        "board_delete": {"bid": board.pk},
        "picture": {"aid": picture.pk},
        "picture_vary": {"aid": picture.pk},
        "picture_attach": {"aid": picture.pk},
        "picture_ask": {"aid": picture.pk},
    }
