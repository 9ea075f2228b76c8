"""Groups of people and their members."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.models import Group
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_POST

from apps.accounts.access import get_group, get_person, signed_in_user
from apps.accounts.actions.groups import add_to_group, create_group, rename_group
from apps.accounts.errors import NotAllowed
from apps.accounts.forms.console import GroupForm, MemberForm
from apps.accounts.powers import Power, power_required
from apps.console.actions import leave_group, remove_group
from apps.console.pages import page, table_page
from apps.console.tables_of.groups import GROUPS
from apps.console.tables_of.people import members_of
from apps.governance.errors import GovernanceRefused
from apps.governance.models import Grant

LIST, ONE = "console/groups/list.html", "console/groups/group.html"


@power_required(Power.SEE)
@require_GET
def console_groups(request: HttpRequest) -> HttpResponseBase:
    counted = Group.objects.annotate(members=Count("user"))
    return table_page(request, LIST, GROUPS, counted, form=GroupForm())


@power_required(Power.ADMINISTER)
@require_POST
def group_new(request: HttpRequest) -> HttpResponse:
    form = GroupForm(request.POST)
    if form.is_valid():
        try:
            group = create_group(actor=signed_in_user(request), name=form.cleaned_data["name"])
            return redirect("console_group", group.pk)
        except NotAllowed as refusal:
            form.add_error("name", str(refusal))
    shown = GROUPS.shown(Group.objects.annotate(members=Count("user")), request.GET)
    return page(request, LIST, status=422, shown=shown, form=form)


@power_required(Power.SEE)
@require_GET
def console_group(request: HttpRequest, group_id: int) -> HttpResponse:
    return _group_page(request, get_group(group_id), MemberForm())


def _group_page(request: HttpRequest, group: Group, form: MemberForm, *, status: int = 200) -> HttpResponse:
    grants = Grant.objects.live().filter(group=group).select_related("hosted_model", "model_version", "group")
    names = GroupForm(initial={"name": group.name}, auto_id="rename_%s")
    return page(
        request, ONE, status=status, group=group, form=form, names=names, members=members_of(group), grants=grants
    )


@power_required(Power.ADMINISTER)
@require_POST
def group_rename(request: HttpRequest, group_id: int) -> HttpResponse:
    group, form = get_group(group_id), GroupForm(request.POST)
    if not form.is_valid():
        messages.error(request, "A name has 1 to 80 characters.")
        return redirect("console_group", group.pk)
    try:
        rename_group(actor=signed_in_user(request), group=group, name=form.cleaned_data["name"])
        messages.success(request, "The group has its new name.")
    except NotAllowed as refusal:
        messages.error(request, str(refusal))
    return redirect("console_group", group.pk)


@power_required(Power.ADMINISTER)
@require_POST
def group_delete(request: HttpRequest, group_id: int) -> HttpResponse:
    group = get_group(group_id)
    name = group.name
    try:
        remove_group(actor=signed_in_user(request), group=group)
    except GovernanceRefused as refusal:
        messages.error(request, str(refusal))
        return redirect("console_group", group_id)
    messages.success(request, f"The group {name} is deleted, and what was granted to it has ended.")
    return redirect("console_groups")


@power_required(Power.ADMINISTER)
@require_POST
def group_add(request: HttpRequest, group_id: int) -> HttpResponse:
    group, form = get_group(group_id), MemberForm(request.POST)
    if not form.is_valid():
        return _group_page(request, group, form, status=422)
    person = form.cleaned_data["person"]
    if add_to_group(actor=signed_in_user(request), group=group, person=person):
        messages.success(request, f"{person} is in {group.name} now.")
    else:
        messages.info(request, f"{person} was in {group.name} already.")
    return redirect("console_group", group.pk)


@power_required(Power.ADMINISTER)
@require_POST
def group_remove(request: HttpRequest, group_id: int, person_id: str) -> HttpResponse:
    group, person = get_group(group_id), get_person(person_id)
    try:
        if leave_group(actor=signed_in_user(request), group=group, person=person):
            messages.success(request, f"{person} is no longer in {group.name}.")
    except GovernanceRefused as refusal:
        messages.error(request, str(refusal))
    return redirect("console_group", group.pk)
