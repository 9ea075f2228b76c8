"""Which HostedModels this worker takes jobs for: all of the catalogue's, or those it was started for and the adapters
that stand on them. Models of pictures run here only: no other server is asked for any.

Those that run here and those that other servers run are served apart, each by an engine and with slots of its own: the
claim is what sends a job to the right one.
"""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable
from time import monotonic

from django.conf import settings
from django.db.models import Q, QuerySet

from apps.catalog.models import HostedModel, Modality
from apps.lib.compiled import CompiledQuery

FRESH_SECONDS = 2.0


class Served:
    """Asks the catalogue again now and then, and tells of models that are new. `upstream`: those of other servers."""

    def __init__(self, on_new: Callable[[HostedModel], None], *, upstream: bool) -> None:
        self._on_new = on_new
        self._catalogue = CompiledQuery(lambda: served_models(upstream=upstream))
        self._models: dict[str, HostedModel] = {}
        self._asked = float("-inf")

    def models(self) -> list[HostedModel]:
        """As of the last time that was asked."""
        return list(self._models.values())

    def __call__(self) -> tuple[str, ...]:
        if monotonic() - self._asked > FRESH_SECONDS:
            found = {model.pk: model for model in self._catalogue.all()}
            new = [model for name, model in found.items() if name not in self._models]
            self._models, self._asked = found, monotonic()
            for model in new:
                self._on_new(model)
        return tuple(self._models)


def served_models(*, upstream: bool) -> QuerySet[HostedModel]:
    modalities = (Modality.TEXT,) if upstream else (Modality.TEXT, Modality.IMAGE)
    models = HostedModel.objects.filter(
        modality__in=modalities, versions__isnull=False, versions__upstream__isnull=not upstream
    ).distinct()
    wanted = settings.WORKER_MODELS
    mine = Q(pk__in=wanted) | Q(versions__base__hosted_model__in=wanted)
    return models.filter(mine) if wanted else models


def new_worker_id() -> str:
    """Unique for each start: a worker that comes back is another one, and the leases of the old one run out."""
    return f"{socket.gethostname()[:40]}-{os.getpid()}-{secrets.token_hex(4)}"
