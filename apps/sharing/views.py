"""Shared links: mine, and for its owners those of a project."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from apps.accounts.access import signed_in_user
from apps.projects.access import get_project_for
from apps.projects.models import Project, Role
from apps.projects.recent import remember
from apps.sharing.access import get_link_for, links_of, links_of_project
from apps.sharing.actions import revoke_link
from apps.sharing.kinds import kind_called
from apps.sharing.models import ShareLink, ShareLinkQuerySet

PAGE_SIZE = 50


@require_GET
@login_required
def share_links(request: HttpRequest) -> HttpResponse:
    return _page(request, links_of(signed_in_user(request)), None)


@require_GET
@login_required
def project_links(request: HttpRequest, pid: str) -> HttpResponse:
    """Everything that leads out of a project, for those who answer for it."""
    project = get_project_for(signed_in_user(request), pid, Role.OWNER)
    remember(request.session, project)
    return _page(request, links_of_project(project), project)


@require_POST
@login_required
def share_link_revoke(request: HttpRequest, link_id: str) -> HttpResponse:
    user = signed_in_user(request)
    link = get_link_for(user, link_id)
    if revoke_link(actor=user, link=link):
        messages.success(request, f"The link to “{link}” is revoked: nobody can open it any more.")
    if link.project_id and request.POST.get("from") == "project":
        return redirect("project_links", link.project_id)
    return redirect("share_links")


def _page(request: HttpRequest, links: ShareLinkQuerySet, project: Project | None) -> HttpResponse:
    page = Paginator(links, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {"page": page, "rows": [_row(link) for link in page], "project": project}
    return render(request, "sharing/links.html", context)


def _row(link: ShareLink) -> dict[str, Any]:
    kind = kind_called(link.kind)
    ended = "revoked" if link.revoked_at else "expired" if _is_over(link) else ""
    return {"link": link, "noun": kind.noun, "home": kind.home(link.target_id), "ended": ended}


def _is_over(link: ShareLink) -> bool:
    return link.expires_at is not None and link.expires_at <= timezone.now()
