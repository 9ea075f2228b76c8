"""What people may reach: the models they may use, their own requests, and the rows that governors decide on."""

from __future__ import annotations

from typing import NamedTuple

from django.contrib.auth.models import AnonymousUser
from django.http import Http404

from apps.accounts.models import User
from apps.accounts.powers import Power, powers_of
from apps.catalog.models import HostedModel, Modality
from apps.governance.decisions import Decision, authorize, decide
from apps.governance.facts import Question
from apps.governance.models import AccessRequest, Grant
from apps.lib.ids import is_id
from apps.projects.models import Project


class Choice(NamedTuple):
    """A model that is on show, and whether this person may use it here."""

    model: HostedModel
    decision: Decision


def choices(user: User, project: Project, modality: Modality = Modality.TEXT) -> list[Choice]:
    """All models that can be asked for, in the order of the catalogue, with their versions. A few queries in all."""
    models = list(HostedModel.objects.that_make(modality).select_related("default_version"))
    questions = [Question(user, "generate", model, project) for model in models]
    return [Choice(model, decision) for model, decision in zip(models, decide(questions), strict=True)]


def usable_models(user: User, project: Project, modality: Modality = Modality.TEXT) -> list[HostedModel]:
    """Those that `authorize` lets `user` generate with in `project` now, in the order of the catalogue."""
    return [choice.model for choice in choices(user, project, modality) if choice.decision.allowed]


def usable_model(user: User, project: Project, name: str) -> HostedModel | None:
    """The one with this id among all that are usable, of whatever kind. Decides about no other."""
    model = HostedModel.objects.available().select_related("default_version").called(name)
    if model is None or not authorize(actor=user, action="generate", model=model, project=project).allowed:
        return None
    return model


def get_own_request(user: User, request_id: str) -> AccessRequest:
    """Http404 where it is not `user`'s."""
    rows = AccessRequest.objects.select_related("hosted_model", "project", "grant").filter(user=user)
    return _first_or_404(rows.filter(pk=request_id).first() if is_id(request_id) else None)


def get_request_for(user: User | AnonymousUser, request_id: str) -> AccessRequest:
    """For whoever sees the console; Http404 for others. Who may decide on it is another question: Power.GOVERN."""
    rows = AccessRequest.objects.select_related("user", "hosted_model", "project", "grant", "decided_by")
    return _first_or_404(rows.filter(pk=request_id).first() if _sees(user) and is_id(request_id) else None)


def get_grant_for(user: User | AnonymousUser, grant_id: str) -> Grant:
    """For whoever sees the console; Http404 for others."""
    rows = Grant.objects.select_related("group", "project", "user", "hosted_model", "model_version", "created_by")
    if not (_sees(user) and is_id(grant_id)) or (found := rows.filter(pk=grant_id).first()) is None:
        raise Http404("There is no such grant.")
    return found


def _sees(user: User | AnonymousUser) -> bool:
    return Power.SEE in powers_of(user)


def _first_or_404(found: AccessRequest | None) -> AccessRequest:
    if found is None:
        raise Http404("There is no such request.")
    return found
