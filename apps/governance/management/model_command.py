"""What all verbs of `manage.py models` share."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from apps.catalog.errors import CatalogError
from apps.catalog.models import HostedModel, ModelState
from apps.governance.actions.grants import create_grant
from apps.governance.actions.models import set_model_state
from apps.governance.models import Subject


class ModelCommand(BaseCommand):
    def _open(self, model: HostedModel, options: dict[str, Any]) -> None:
        """Approved and granted as far as the options say."""
        if options["approve"] or options["grant_everyone"]:
            set_model_state(actor=None, model=model, state=ModelState.APPROVED)
        if options["grant_everyone"]:
            if not model.grants.live().filter(subject_type=Subject.EVERYONE).exists():
                create_grant(actor=None, model=model, whom=Subject.EVERYONE, note="On the command line")
            self._say(f"Everybody may use {model.pk}.")
        elif model.state == ModelState.PROPOSED:
            self._say(f"It is proposed: nobody may use it before `manage.py models approve {model.pk}`.")
        elif options["approve"]:
            self._say(f"{model.pk} is approved; who may use it, grants say.")

    def _model(self, model_id: str) -> HostedModel:
        found = HostedModel.objects.filter(pk=model_id).first()
        if found is None:
            raise CatalogError(f"There is no model {model_id[:80]!r}; `manage.py models list` shows all.")
        return found

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
