"""People: the table of them, one person's page, and what is changed there."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_POST

from apps.accounts.access import asks_again, get_person, signed_in_user
from apps.accounts.actions.people import ADMIN, deactivate, make_admin, reactivate, set_role, unmake_admin
from apps.accounts.errors import NotAllowed
from apps.accounts.forms.console import RoleForm
from apps.accounts.models import User
from apps.accounts.powers import Power, power_required
from apps.console.actions import record_look
from apps.console.may import memberships_of, what_may
from apps.console.pages import page, table_page
from apps.console.person import about
from apps.console.tables_of.people import people_table

CHANGES: dict[str, tuple[Callable[..., None], str]] = {
    "deactivate": (deactivate, "{} is deactivated and signed out everywhere."),
    "reactivate": (reactivate, "{} may sign in again."),
    "make-admin": (make_admin, "{} is an administrator now."),
    "unmake-admin": (unmake_admin, "{} is no longer an administrator."),
}


@power_required(Power.SEE)
@require_GET
def console_people(request: HttpRequest) -> HttpResponseBase:
    return table_page(request, "console/people/list.html", people_table(), User.objects.all())


@power_required(Power.SEE)
@require_GET
def console_person(request: HttpRequest, person_id: str) -> HttpResponse:
    person = get_person(person_id)
    role = ADMIN if person.is_superuser else person.site_role
    form = RoleForm(initial={"role": role})
    return page(request, "console/people/person.html", person=person, form=form, **about(person))


@power_required(Power.SEE)
@require_GET
def console_person_may(request: HttpRequest, person_id: str) -> HttpResponse:
    """What they would be allowed, in `?project=` of theirs or apart from any. Nobody becomes them for it."""
    person = get_person(person_id)
    memberships = memberships_of(person)
    places = [membership.project for membership, _ in memberships]
    place = next((each for each in places if each.pk == request.GET.get("project")), None)
    record_look(actor=signed_in_user(request), person=person, project=place)
    # Not as `project`: that would put the project's own sidebar, with its conversations, beside the page.
    found = what_may(person, place)
    return page(
        request, "console/people/may.html", person=person, place=place, places=places, memberships=memberships, **found
    )


@power_required(Power.ADMINISTER)
@require_POST
@asks_again
def console_role(request: HttpRequest, person_id: str) -> HttpResponse:
    person, form = get_person(person_id), RoleForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Choose one of the roles.")
        return redirect("console_person", person.pk)
    try:
        set_role(actor=signed_in_user(request), person=person, role=form.cleaned_data["role"])
    except NotAllowed as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, f"The role of {person} is saved.")
    return redirect("console_person", person.pk)


@power_required(Power.ADMINISTER)
@require_POST
@asks_again
def change_person(request: HttpRequest, person_id: str, change: str) -> HttpResponse:
    action, done = CHANGES[change]
    person = get_person(person_id)
    try:
        action(actor=signed_in_user(request), person=person)
    except NotAllowed as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, done.format(person))
    return redirect("console_person", person.pk)
