"""Who can use what, and why."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.http import require_GET

from apps.accounts.models import User
from apps.accounts.powers import Power, power_required
from apps.catalog.models import HostedModel
from apps.console.forms.grants import ExplainForm
from apps.console.matrix import matrix_table
from apps.console.pages import page, table_page
from apps.governance.decisions import explain


@power_required(Power.SEE)
@require_GET
def console_matrix(request: HttpRequest) -> HttpResponseBase:
    models = list(HostedModel.objects.select_related("default_version"))
    rows = User.objects.filter(is_active=True)
    return table_page(request, "console/grants/matrix.html", matrix_table(models), rows, models=models)


@power_required(Power.SEE)
@require_GET
def console_explain(request: HttpRequest) -> HttpResponse:
    """Every condition with how it stands; without a project, apart from any."""
    form = ExplainForm(request.GET or None)
    if not form.is_valid():
        status = 422 if request.GET else 200
        return page(request, "console/grants/explain.html", status=status, form=form)
    person, model, project = (form.cleaned_data[name] for name in ("person", "model", "project"))
    explained = explain(actor=person, action="generate", model=model, project=project)
    # Not as `project`: that would put the project's own sidebar, with its conversations, beside the page.
    context = {"form": form, "person": person, "model": model, "place": project, "explained": explained}
    return page(request, "console/grants/explain.html", **context)
