"""The only way to what a link shows, and to the links themselves."""

from __future__ import annotations

import re

from django.contrib.auth.models import AnonymousUser
from django.db.models import F, Q
from django.db.models.functions import Now
from django.http import Http404

from apps.accounts.models import User
from apps.lib.ids import hash_token, is_id
from apps.projects.models import Project, Role
from apps.sharing.models import ShareLink, ShareLinkQuerySet

TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


def open_link(token: str, kind: str, *, count: bool = False) -> ShareLink:
    """The live link with this token, with who made it; `count` where its page is read.

    Raises Http404, the same for no such link and for one that is revoked, expired, of another kind or of a person
    whose account is suspended.
    """
    rows = ShareLink.objects.live().filter(kind=kind, created_by__is_active=True).select_related("created_by")
    link = rows.filter(token_hash=hash_token(token)).first() if TOKEN.fullmatch(token) else None
    if link is None:
        raise Http404("This link does not work any more, or never did.")
    if count:
        ShareLink.objects.filter(pk=link.pk).update(opened=F("opened") + 1, opened_at=Now())
    return link


def links_of(user: User) -> ShareLinkQuerySet:
    """All that `user` made, newest first, with their projects."""
    return ShareLink.objects.filter(created_by=user).select_related("project")


def links_of_project(project: Project) -> ShareLinkQuerySet:
    """All that lead to something of `project`, newest first, with who made them."""
    return ShareLink.objects.filter(project=project).select_related("created_by")


def get_link_for(user: User | AnonymousUser, link_id: str) -> ShareLink:
    """A link that `user` may revoke: their own, or one from a project they own. Http404 for any other."""
    found = None
    if isinstance(user, User) and is_id(link_id):
        mine = Q(created_by=user)
        owned = Q(project__memberships__user=user, project__memberships__role=Role.OWNER)
        found = ShareLink.objects.filter(mine | owned, pk=link_id).distinct().first()
    if found is None:
        raise Http404("There is no such link.")
    return found
