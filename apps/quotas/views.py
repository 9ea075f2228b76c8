"""Usage pages: mine, my project's, the site's."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from apps.accounts.access import signed_in_user
from apps.accounts.powers import Power, power_required
from apps.projects.access import get_project_for
from apps.quotas.models import Subject
from apps.quotas.pages import days_in, usage_page
from apps.quotas.usage import people_who_used_most


@login_required
@require_GET
def my_usage(request: HttpRequest) -> HttpResponse:
    user = signed_in_user(request)
    context = usage_page(Subject.USER, user.pk, days=days_in(request.GET.get("days", "")), user_id=user.pk)
    return render(request, "quotas/mine.html", context)


@login_required
@require_GET
def project_usage(request: HttpRequest, pid: str) -> HttpResponse:
    """Every member sees what the project uses."""
    project = get_project_for(signed_in_user(request), pid)
    days = days_in(request.GET.get("days", ""))
    context = usage_page(Subject.PROJECT, project.pk, days=days, project_id=project.pk)
    return render(request, "quotas/project.html", context | {"project": project})


@power_required(Power.SEE)
@require_GET
def site_usage(request: HttpRequest) -> HttpResponse:
    context = usage_page(Subject.SITE, "", days=days_in(request.GET.get("days", "")))
    people = people_who_used_most(today=context["today"], days=context["days"])
    return render(request, "quotas/site.html", context | {"people": people})
