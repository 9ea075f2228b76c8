"""One's own API tokens: which there are, a new one, the end of one; and the end of one for an owner of its project."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from apps.accounts.access import asks_again, signed_in_user
from apps.accounts.errors import NotAllowed
from apps.accounts.models import User
from apps.api.access import NONE_HERE, are_allowed, get_token, hindrances, recent_use, tokens_of, tokens_of_project
from apps.api.actions import create_token, revoke_token
from apps.api.forms import TokenForm
from apps.api.models import ApiToken
from apps.governance.access import usable_models
from apps.projects.access import get_project_for, writable_projects_of
from apps.projects.models import Role
from apps.projects.recent import last_of

PAGE_SIZE = 50


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
@asks_again
def api_tokens(request: HttpRequest) -> HttpResponse:
    """A new token is shown in the answer to the form and kept nowhere: no redirect, no session, no message has it."""
    if not are_allowed():
        raise Http404(NONE_HERE)
    user = signed_in_user(request)
    projects = writable_projects_of(user)
    here = last_of(projects, request.session)
    form = TokenForm(request.POST or None, projects=projects, initial={"project": here.pk if here else None})
    if form.is_valid():
        try:
            token, raw = create_token(actor=user, **form.cleaned_data)
        except NotAllowed as refusal:
            form.add_error(None, str(refusal))
        else:
            return _page(request, user, {"made": token, **_example(token, raw)}, status=201)
    return _page(request, user, {"form": form if projects else None}, status=422 if form.is_bound else 200)


@login_required
@require_POST
def api_token_revoke(request: HttpRequest, token_id: str) -> HttpResponse:
    user = signed_in_user(request)
    token = get_token(token_id, tokens_of(user))
    if revoke_token(actor=user, token=token):
        messages.success(request, f"“{token}” is revoked: it opens nothing any more.")
    return redirect("api_tokens")


@login_required
@require_POST
def project_token_revoke(request: HttpRequest, pid: str, token_id: str) -> HttpResponse:
    user = signed_in_user(request)
    project = get_project_for(user, pid, Role.OWNER)
    token = get_token(token_id, tokens_of_project(project))
    if revoke_token(actor=user, token=token, by=f"An owner of {project}"):
        messages.success(request, f"“{token}” of {token.user} is revoked: it opens nothing any more.")
    return redirect("project_members", pid)


def _page(request: HttpRequest, user: User, context: dict[str, Any], status: int = 200) -> HttpResponse:
    page = Paginator(tokens_of(user), PAGE_SIZE).get_page(request.GET.get("page"))
    use = recent_use(page)
    rows = [{"token": token, "hindrance": hindrance, "use": use.get(token.pk)} for token, hindrance in hindrances(page)]
    return render(request, "api/tokens.html", {"page": page, "rows": rows, **context}, status=status)


def _example(token: ApiToken, raw: str) -> dict[str, str]:
    """With a model that can be asked, where there is one."""
    model = next(iter(usable_models(token.user, token.project)), None)
    return {"raw": raw, "base_url": f"{settings.SITE_URL}/v1", "model": model.pk if model else "MODEL"}
