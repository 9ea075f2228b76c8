"""Usage pages: mine, my project's, the site's; each also as CSV."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_GET

from apps.accounts.access import signed_in_user
from apps.accounts.powers import Power, power_required
from apps.accounts.targets import SITE, person_target
from apps.audit.record import Target, record
from apps.lib.csv_export import csv_response
from apps.projects.access import get_membership_for
from apps.projects.models import Role
from apps.projects.targets import project_target
from apps.quotas.downloads import usage_lines
from apps.quotas.limits import database_today
from apps.quotas.models import Subject
from apps.quotas.pages import days_in, usage_page
from apps.quotas.usage import people_of_project, people_who_used_most


@login_required
@require_GET
def my_usage(request: HttpRequest) -> HttpResponseBase:
    user, days = signed_in_user(request), days_in(request.GET.get("days", ""))
    if _wants_csv(request):
        return _download(request, person_target(user), Subject.USER, user.pk)
    return render(request, "quotas/mine.html", usage_page(Subject.USER, user.pk, days=days, user_id=user.pk))


@login_required
@require_GET
def project_usage(request: HttpRequest, pid: str) -> HttpResponseBase:
    """Every member sees what the project uses; its owners also see who of them used what."""
    membership = get_membership_for(signed_in_user(request), pid)
    project, is_owner = membership.project, membership.role == Role.OWNER
    if _wants_csv(request):
        return _download(request, project_target(project), Subject.PROJECT, project.pk, people=is_owner)
    days = days_in(request.GET.get("days", ""))
    context = usage_page(Subject.PROJECT, project.pk, days=days, project_id=project.pk)
    people = people_of_project(project.pk, today=context["today"], days=days) if is_owner else []
    return render(
        request, "quotas/project.html", context | {"project": project, "people": people, "is_owner": is_owner}
    )


@power_required(Power.SEE)
@require_GET
def site_usage(request: HttpRequest) -> HttpResponseBase:
    if _wants_csv(request):
        return _download(request, SITE, Subject.SITE, "", people=True)
    context = usage_page(Subject.SITE, "", days=days_in(request.GET.get("days", "")))
    people = people_who_used_most(today=context["today"], days=context["days"])
    return render(request, "quotas/site.html", context | {"people": people})


def _wants_csv(request: HttpRequest) -> bool:
    return request.GET.get("export") == "csv"


def _download(
    request: HttpRequest, target: Target, subject: Subject, subject_id: str, *, people: bool = False
) -> HttpResponseBase:
    """Recorded before the first byte is sent."""
    days, project_id = days_in(request.GET.get("days", "")), subject_id if subject == Subject.PROJECT else ""
    actor = signed_in_user(request)
    record("usage.exported", actor=actor, target=target, project_id=project_id, days=days, people=people)
    return csv_response("usage", usage_lines(subject, subject_id, today=database_today(), days=days, people=people))
