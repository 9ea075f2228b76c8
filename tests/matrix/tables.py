"""The permission matrix. A cell is the status that the person gets.

`login` stands for a redirect to the sign-in page, `again` for one that asks for the password once more. A person may
see what exists for them: 404 where a thing is not theirs, 403 where they may look and not act. The admin governs the
site and is a stranger to the projects of others.
"""

from __future__ import annotations

from typing import Any, NamedTuple

PEOPLE = ("anonymous", "stranger", "viewer", "editor", "owner", "admin")

PAGES = """
# route                              method  anonymous stranger viewer editor owner admin

healthz                              GET     200   200  200  200  200  200
readyz                               GET     200   200  200  200  200  200
metrics                              GET     403   403  403  403  403  403

home                                 GET     200   302  302  302  302  302
setup                                GET     404   404  404  404  404  404
setup                                POST    404   404  404  404  404  404
sign_in_link                         GET     200   200  200  200  200  200
sign_in_link                         POST    302   302  302  302  302  302
sign_up_invitation                   GET     302   302  302  302  302  302

profile                              GET     login 200  200  200  200  200
profile                              POST    login 302  302  302  302  302
complete_account                     GET     login 302  302  302  302  302
account_export                       POST    login 200  200  200  200  200
account_delete                       GET     login 200  200  200  200  200
account_delete                       POST    login 302  302  302  302  302
session_revoke                       POST    login 404  404  404  404  404

model_list                           GET     login 200  200  200  200  200
model                                GET     login 200  200  200  200  200

project_list                         GET     login 200  200  200  200  200
project_new                          GET     login 200  200  200  200  200
project_new                          POST    login 302  302  302  302  302
project                              GET     login 404  200  200  200  404
project_settings                     GET     login 404  200  200  200  404
project_settings                     POST    login 404  403  403  302  404
project_life                         POST    login 404  403  403  302  404
project_delete                       POST    login 404  403  403  302  404
project_members                      GET     login 404  200  200  200  404
project_invite                       POST    login 404  403  403  302  404
project_uninvite                     POST    login 404  403  403  302  404
project_leave                        POST    login 404  302  302  302  404
member_role                          POST    login 404  403  403  302  404
member_remove                        POST    login 404  403  403  302  404
member_transfer                      POST    login 404  403  403  302  404
invitation                           GET     200   200  302  302  302  200
invitation                           POST    200   302  302  302  302  302

conversation_new                     POST    login 404  403  302  302  404
conversation_import                  GET     login 404  403  200  200  404
conversation_import_preview          POST    401   404  403  422  422  404
conversation_import_chosen           POST    401   404  403  422  422  404
conversation                         GET     login 404  200  200  200  404
conversation_messages                GET     401   404  200  200  200  404
conversation_messages                POST    401   404  403  201  201  404
conversation_regenerate              POST    401   404  403  201  201  404
conversation_alternatives            GET     401   404  200  200  200  404
conversation_results                 POST    401   404  403  201  201  404
conversation_attach                  POST    401   404  403  422  422  404
conversation_pdf                     POST    401   404  403  422  422  404
conversation_picture                 GET     404   404  200  200  200  404
conversation_picture_remove          POST    401   404  403  200  200  404
conversation_certainty               GET     401   404  200  200  200  404
conversation_models                  GET     401   404  200  200  200  404
conversation_export                  GET     login 404  200  200  200  404
conversation_tokens                  POST    401   404  200  200  200  404
conversation_settings                POST    401   404  403  200  200  404
conversation_pin                     POST    401   404  403  200  200  404
conversation_unpin                   POST    401   404  403  200  200  404
conversation_archive                 POST    401   404  403  200  200  404
conversation_unarchive               POST    401   404  403  200  200  404
conversation_delete                  POST    401   404  403  200  200  404
conversation_restore                 POST    401   404  403  200  200  404
job_cancel                           POST    401   404  403  202  202  404
"""

SIGN_IN = """
# allauth's own pages: each is about the person themselves, so all who are signed in are alike

account_login                        GET     200   302  302  302  302  302
account_login                        POST    200   302  302  302  302  302
account_logout                       POST    302   302  302  302  302  302
account_inactive                     GET     200   200  200  200  200  200
account_signup                       GET     200   302  302  302  302  302
account_signup                       POST    200   302  302  302  302  302
account_reauthenticate               GET     login 200  200  200  200  200
account_email                        GET     login 200  200  200  200  200
account_email                        POST    login 302  302  302  302  302
account_email_verification_sent      GET     200   200  200  200  200  200
account_change_password              GET     login 200  200  200  200  200
account_set_password                 GET     login 302  302  302  302  302
account_reset_password               GET     200   200  200  200  200  200
account_reset_password               POST    302   302  302  302  302  302
account_confirm_login_code           GET     login 302  302  302  302  302
account_confirm_email                GET     200   200  200  200  200  200
account_reset_password_from_key_done GET     200   200  200  200  200  200
account_reset_password_from_key      GET     200   200  200  200  200  200
account_reset_password_done          GET     200   200  200  200  200  200
mfa_index                            GET     login 200  200  200  200  200
mfa_authenticate                     GET     login 302  302  302  302  302
mfa_reauthenticate                   GET     login again again again again again
mfa_activate_totp                    GET     login 200  200  200  200  200
mfa_deactivate_totp                  GET     login 404  404  404  404  404
mfa_view_recovery_codes              GET     login 404  404  404  404  404
mfa_generate_recovery_codes          GET     login 200  200  200  200  200
mfa_download_recovery_codes          GET     login 404  404  404  404  404
mfa_list_webauthn                    GET     login 200  200  200  200  200
mfa_add_webauthn                     GET     login 200  200  200  200  200
mfa_reauthenticate_webauthn          GET     login again again again again again
mfa_remove_webauthn                  POST    login 404  404  404  404  404
mfa_edit_webauthn                    POST    login 404  404  404  404  404
mfa_login_webauthn                   GET     login  302  302  302  302  302
socialaccount_login_cancelled        GET     200   200  200  200  200  200
socialaccount_login_error            GET     401   401  401  401  401  401
socialaccount_signup                 GET     login login login login login login
socialaccount_connections            GET     login 200  200  200  200  200
accounts/social/login/cancelled/     GET     301   301  301  301  301  301
accounts/social/login/error/         GET     301   301  301  301  301  301
accounts/social/signup/              GET     301   301  301  301  301  301
accounts/social/connections/         GET     301   301  301  301  301  301
openid_connect_login                 GET     404   404  404  404  404  404
openid_connect_callback              GET     404   404  404  404  404  404
usersessions_list                    GET     login 200  200  200  200  200
"""

SOCKET = """
# what is sent                       -       anonymous stranger viewer editor owner admin (a close code, or the answer)

nothing                              -       4401  4404 hello hello hello 4404
follow                               -       4401  4404 job   job   job   4404
unfollow                             -       4401  4404 pong  pong  pong  4404
typing                               -       4401  4404 error pong  pong  4404
cancel                               -       4401  4404 error pong  pong  4404
ping                                 -       4401  4404 pong  pong  pong  4404
"""


STUDIO_SOCKET = """
# what is sent                       -       anonymous stranger viewer editor owner admin (a close code, or the answer)

nothing                              -       4401  4404 hello hello hello 4404
follow                               -       4401  4404 job   job   job   4404
unfollow                             -       4401  4404 pong  pong  pong  4404
cancel                               -       4401  4404 error pong  pong  4404
ping                                 -       4401  4404 pong  pong  pong  4404
"""


class Row(NamedTuple):
    """One line of a table: what is tried, and what each of PEOPLE gets."""

    route: str
    method: str
    expected: dict[str, str]


def rows(table: str) -> list[Row]:
    found = []
    for line in table.strip().splitlines():
        if not line or line.startswith("#"):
            continue
        route, method, *cells = line.split()
        assert len(cells) == len(PEOPLE), line
        found.append(Row(route, method, dict(zip(PEOPLE, cells, strict=True))))
    return found


FORMS: dict[tuple[str, str], dict[str, Any]] = {
    ("profile", "POST"): {"display_name": "New name"},
    ("account_delete", "POST"): {"confirm": "{person}@example.org"},
    ("project_new", "POST"): {"name": "Harbour"},
    ("project_settings", "POST"): {"name": "Harbour"},
    ("project_delete", "POST"): {"typed_name": "Lighthouse"},
    ("project_invite", "POST"): {"email": "new@example.org", "role": "10", "days": "7"},
    ("member_role", "POST"): {"role": "20"},
    ("account_reset_password", "POST"): {"email": "{random}@example.org"},
    ("account_email", "POST"): {"email": "other@example.org", "action_add": ""},
}
"""What is sent where a form or JSON is needed; {} elsewhere."""
JSON: dict[tuple[str, str], dict[str, Any]] = {
    ("conversation_messages", "POST"): {"text": "Hello", "parent": None, "client_id": "matrix-client-id"},
    ("conversation_regenerate", "POST"): {"client_id": "matrix-client-id"},
    ("conversation_results", "POST"): {"results": ["18 °C"], "client_id": "matrix-client-id"},
    ("conversation_tokens", "POST"): {"text": "Hello", "parent": None},
    ("conversation_settings", "POST"): {"title": "A new title"},
    **{
        (f"conversation_{change}", "POST"): {}
        for change in ("pin", "unpin", "archive", "unarchive", "delete", "restore")
    },
}
