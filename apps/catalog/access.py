"""The only way to a model of the catalogue from a page."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from django.http import Http404

from apps.accounts.models import User
from apps.catalog.models import HostedModel


def get_model_for(user: User | AnonymousUser, model_id: str) -> HostedModel:
    """With its versions. Raises Http404, also for a disabled one unless `user` is an administrator."""
    found = HostedModel.objects.visible_to(user).select_related("default_version").filter(pk=model_id).first()
    if found is None:
        raise Http404("There is no such model.")
    return found
