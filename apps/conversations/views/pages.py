"""The pages: the list of a project's conversations, and one conversation."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from apps.conversations.access import visit_conversation
from apps.conversations.actions.lifecycle import start_conversation
from apps.conversations.finds import finds
from apps.conversations.models import Conversation, ConversationQuerySet
from apps.conversations.page_state import page_state
from apps.generations.formats import FORMATS
from apps.generations.json_views import PersonRequest
from apps.lib.http import search_text
from apps.projects.access import get_membership_for, get_project_for
from apps.projects.models import Project, Role
from apps.projects.recent import remember

PAGE_SIZE = 50


@require_GET
@login_required
def conversation_list(request: PersonRequest, pid: str) -> HttpResponse:
    membership = get_membership_for(request.user, pid)
    project, role = membership.project, Role(membership.role)
    remember(request.session, project)
    query = search_text(request.GET)
    archived, deleted = bool(request.GET.get("archived")), bool(request.GET.get("deleted"))
    found = _listed(project, archived=archived, deleted=deleted)
    if query:
        found = found.search(query, project)
    pages = Paginator(found.select_related("created_by", "hosted_model").with_running(), PAGE_SIZE)
    page = pages.get_page(request.GET.get("page"))
    places = finds(query, [each.pk for each in page]) if query else {}
    context = {
        "project": project,
        "page": page,
        "rows": [(each, places.get(each.pk)) for each in page],
        "query": query,
        "archived": archived,
        "deleted": deleted,
        "bin_days": settings.CONVERSATION_BIN_DAYS,
        "role": role,
        "can_edit": _can_edit(project, role),
    }
    return render(request, "conversations/list.html", context)


def _can_edit(project: Project, role: Role) -> bool:
    return role >= Role.EDITOR and project.archived_at is None


def _listed(project: Project, *, archived: bool, deleted: bool) -> ConversationQuerySet:
    conversations = Conversation.objects.filter(project=project)
    if deleted:
        return conversations.in_bin()
    return conversations.archived() if archived else conversations.current()


@require_POST
@login_required
def new(request: PersonRequest, pid: str) -> HttpResponse:
    project = get_project_for(request.user, pid, Role.EDITOR, writable=True)
    started = start_conversation(actor=request.user, project=project, model_id=request.POST.get("model", ""))
    return redirect("conversation", started.pk)


@require_GET
@login_required
def conversation(request: PersonRequest, cid: str) -> HttpResponse:
    found, role = visit_conversation(request.user, cid)
    remember(request.session, found.project)
    state = page_state(
        found, request.user, role, leaf=request.GET.get("leaf", ""), attach=request.GET.get("attach", "")
    )
    context = {
        "conversation": found,
        "project": found.project,
        "state": state,
        "formats": FORMATS,
        "role": role,
        "can_edit": _can_edit(found.project, role),
    }
    return render(request, "conversations/conversation.html", context)
