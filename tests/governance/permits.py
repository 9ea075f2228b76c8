"""Ready for use: without a state that allows it and a grant nobody generates anything."""

from __future__ import annotations

from apps.catalog.models import HostedModel, ModelState
from apps.governance.models import Grant, Subject


def open_to_everyone(model: HostedModel) -> HostedModel:
    """Approve `model` and grant it to everyone, row by row."""
    model.state = ModelState.APPROVED
    HostedModel.objects.filter(pk=model.pk).update(state=model.state)
    Grant.objects.create(subject_type=Subject.EVERYONE, hosted_model=model)
    return model
