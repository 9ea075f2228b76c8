"""The rows of `apps/console`, what is sent, and what its addresses are about: see tests/matrix/tables.py."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group

from apps.accounts.actions.invitations import invite_to_sign_up
from apps.api.actions import create_token
from apps.catalog.models import HostedModel, ModelInstall, ModelVersion
from apps.catalog.upstreams import Served, add_upstream
from apps.governance.models import AccessRequest, Grant, KillSwitch, Subject
from apps.quotas.models import Metric, Period, Price, Quota
from apps.quotas.models import Subject as Whose
from tests.governance.permits import open_to_everyone
from tests.world import World

MODEL_CHANGES = ("state", "words", "gate", "version", "reasoning", "format", "time", "enable", "stop")
MODEL, VERSION = "model-of-the-matrix", "00000000000matrx"

ROWS = """
# route                              method  anonymous stranger viewer editor owner admin

console_overview                     GET     login 404  404  404  404  200
console_settings                     GET     login 404  404  404  404  200
console_settings                     POST    login 404  404  404  404  302
console_invitations                  GET     login 404  404  404  404  200
console_invite                       POST    login 404  404  404  404  302
console_uninvite                     POST    login 404  404  404  404  302
console_people                       GET     login 404  404  404  404  200
console_person                       GET     login 404  404  404  404  200
console_person_may                   GET     login 404  404  404  404  200
console_role                         POST    login 404  404  404  404  302
console_change_person                POST    login 404  404  404  404  302
console_groups                       GET     login 404  404  404  404  200
console_group_new                    POST    login 404  404  404  404  302
console_group                        GET     login 404  404  404  404  200
console_group_rename                 POST    login 404  404  404  404  302
console_group_delete                 POST    login 404  404  404  404  302
console_group_add                    POST    login 404  404  404  404  302
console_group_remove                 POST    login 404  404  404  404  302
console_tokens                       GET     login 404  404  404  404  200
console_token_revoke                 POST    login 404  404  404  404  302

console_models                       GET     login 404  404  404  404  200
console_model                        GET     login 404  404  404  404  200
console_model_state                  POST    login 404  404  404  404  302
console_model_words                  POST    login 404  404  404  404  302
console_installs                     GET     login 404  404  404  404  200
console_installs_live                GET     login 404  404  404  404  200
console_install_look                 POST    login 404  404  404  404  422
console_install_new                  POST    login 404  404  404  404  422
console_install_cancel               POST    login 404  404  404  404  302
console_install_retry                POST    login 404  404  404  404  302
console_model_gate                   POST    login 404  404  404  404  302
console_model_version                POST    login 404  404  404  404  302
console_model_reasoning              POST    login 404  404  404  404  302
console_model_format                 POST    login 404  404  404  404  302
console_model_time                   POST    login 404  404  404  404  302
console_model_enable                 POST    login 404  404  404  404  302
console_model_stop                   POST    login 404  404  404  404  302
console_upstream_new                 GET     login 404  404  404  404  200
console_upstream_new                 POST    login 404  404  404  404  302
console_upstream                     GET     login 404  404  404  404  200
console_upstream                     POST    login 404  404  404  404  302
console_upstream_test                POST    login 404  404  404  404  302
console_upstream_forget_key          POST    login 404  404  404  404  302
console_upstream_remove              POST    login 404  404  404  404  302
console_site_stop                    POST    login 404  404  404  404  302
console_release                      POST    login 404  404  404  404  302
console_grants                       GET     login 404  404  404  404  200
console_grant_new                    GET     login 404  404  404  404  200
console_grant_new                    POST    login 404  404  404  404  302
console_grant_revoke                 POST    login 404  404  404  404  302
console_matrix                       GET     login 404  404  404  404  200
console_explain                      GET     login 404  404  404  404  200
console_requests                     GET     login 404  404  404  404  200
console_request                      GET     login 404  404  404  404  200
console_request_approve              POST    login 404  404  404  404  302
console_request_decline              POST    login 404  404  404  404  302
console_quotas                       GET     login 404  404  404  404  200
console_quota_set                    POST    login 404  404  404  404  302
console_quota_remove                 POST    login 404  404  404  404  302
console_prices                       GET     login 404  404  404  404  200
console_price_set                    POST    login 404  404  404  404  302
console_price_remove                 POST    login 404  404  404  404  302

console_reports                      GET     login 404  404  404  404  200
console_audit                        GET     login 404  404  404  404  200
console_audit_csv                    GET     login 404  404  404  404  200
console_audit_jsonl                  GET     login 404  404  404  404  200
"""
UPSTREAM = {
    "base_url": "http://127.0.0.1:9/v1",
    "model_name": "there",
    "context_length": "4096",
    "first_token_seconds": "5",
    "between_tokens_seconds": "5",
}
FORMS: dict[tuple[str, str], dict[str, Any]] = {
    ("console_settings", "POST"): {"sign_up": "open"},
    ("console_invite", "POST"): {"email": "", "days": "7"},
    ("console_role", "POST"): {"role": "auditor"},
    ("console_group_new", "POST"): {"name": "Writers"},
    ("console_group_rename", "POST"): {"name": "Others"},
    ("console_group_add", "POST"): {"person": "owner@example.org"},
    ("console_model_state", "POST"): {"state": "approved"},
    ("console_model_words", "POST"): {"name": "Another", "description": ""},
    ("console_install_look", "POST"): {"source": "path:/etc"},  # no hub is asked
    ("console_install_new", "POST"): {"source": "path:/etc"},
    ("console_model_gate", "POST"): {"gated": "yes"},
    ("console_model_version", "POST"): {"version": VERSION},
    ("console_model_reasoning", "POST"): {"policy": "hidden"},
    ("console_model_format", "POST"): {"version": VERSION, "format": "qwen3"},
    ("console_model_time", "POST"): {"longest_seconds": "60"},
    ("console_model_enable", "POST"): {"enabled": "no"},
    ("console_model_stop", "POST"): {"message": "It talks nonsense today."},
    ("console_upstream_new", "POST"): UPSTREAM | {"name": "Far", "model_id": "far-of-the-matrix"},
    ("console_upstream", "POST"): UPSTREAM,
    ("console_site_stop", "POST"): {"message": "The machine is being moved."},
    ("console_grant_new", "POST"): {"model": MODEL, "subject": "user", "user": "viewer@example.org"},
    ("console_request_approve", "POST"): {"answer": "Welcome."},
    ("console_request_decline", "POST"): {"answer": "Not now."},
    ("console_quota_set", "POST"): {"subject": "site", "metric": "tokens", "period": "day", "limit": "1000"},
    ("console_price_set", "POST"): {"per_second": "0.001", "currency": "EUR"},
}
OF_UPSTREAMS = ("console_upstream", *(f"console_upstream_{change}" for change in ("test", "forget_key", "remove")))
JSON: dict[tuple[str, str], dict[str, Any]] = {}
FOR_ADMINISTRATORS = {
    "console_settings",
    "console_invite",
    "console_uninvite",
    "console_role",
    "console_change_person",
    "console_group_new",
    "console_group_rename",
    "console_group_delete",
    "console_group_add",
    "console_group_remove",
    "console_token_revoke",
    "console_upstream_new",
    "console_upstream",
    "console_upstream_test",
    "console_upstream_forget_key",
    "console_upstream_remove",
}
"""What governors may not do."""
FORMS_OF_GOVERNORS = {"console_grant_new"}
FORMS_OF_ADMINISTRATORS = {"console_upstream_new", "console_upstream"}
"""Pages that are only a form: an auditor has no use for them."""


def things(world: World) -> dict[str, dict[str, Any]]:
    """For each route of this room the parts of its address."""
    group = Group.objects.create(name="Readers of the matrix")
    group.user_set.add(world.viewer)
    token, _ = create_token(actor=world.editor, project=world.project, name="Notebook", days=30)
    invitation, _ = invite_to_sign_up(actor=world.admin, email="", days=1)
    model = _model()
    grant = Grant.objects.create(subject_type=Subject.USER, user=world.owner, hosted_model=model)
    asked = AccessRequest.objects.create(user=world.stranger, hosted_model=model)
    other = HostedModel.objects.create(id="other-of-the-matrix", name="Other")
    stop = KillSwitch.objects.create(hosted_model=other, message="Stopped.")
    served = Served("http://127.0.0.1:9/v1", "here", 4096)
    far = add_upstream(actor=None, model_id="upstream-matrix", name="Far", description="", served=served, api_key="k")
    install = ModelInstall.objects.create(
        asked_by=world.admin, source="hf:tiny/matrix", revision="main", state="failed"
    )
    quota = Quota.objects.create(subject=Whose.PROJECT, project=world.project, metric=Metric.TOKENS, period=Period.DAY)
    price = Price.objects.create(hosted_model=model, per_second="0.5")
    person, of_group = {"person_id": world.stranger.pk}, {"group_id": group.pk}
    of_model, of_request = {"model_id": model.pk}, {"request_id": asked.pk}
    return {
        "console_uninvite": {"invitation_id": invitation.pk},
        "console_person": person,
        "console_person_may": person,
        "console_role": person,
        "console_change_person": person | {"change": "deactivate"},
        "console_group": of_group,
        "console_group_rename": of_group,
        "console_group_delete": of_group,
        "console_group_add": of_group,
        "console_group_remove": of_group | {"person_id": world.viewer.pk},
        "console_token_revoke": {"token_id": token.pk},
        "console_model": of_model,
        **{f"console_model_{change}": of_model for change in MODEL_CHANGES},
        **{route: {"model_id": far.pk} for route in OF_UPSTREAMS},
        "console_install_cancel": {"install_id": install.pk},
        "console_install_retry": {"install_id": install.pk},
        "console_release": {"switch_id": stop.pk},
        "console_grant_revoke": {"grant_id": grant.pk},
        "console_request": of_request,
        "console_request_approve": of_request,
        "console_request_decline": of_request,
        "console_quota_remove": {"quota_id": quota.pk},
        "console_price_remove": {"price_id": price.pk},
    }


def _model() -> HostedModel:
    model = HostedModel.objects.create(id=MODEL, name="Of the matrix")
    model.default_version = ModelVersion.objects.create(
        id=VERSION,
        hosted_model=model,
        digest="ma" * 32,
        source="path:matrix",
        size_bytes=1,
        license_id="CC0-1.0",
        architecture="LlamaForCausalLM",
        context_length=512,
    )
    model.save()
    return open_to_everyone(model)
