"""What is read of models' files today, of those that were installed when less was read of them."""

from __future__ import annotations

import logging
from dataclasses import asdict, fields

from apps.catalog.models import ModelVersion
from apps.catalog.store import model_store
from engine.store import StoreError, check_folder
from engine.types import ImageFacts

logger = logging.getLogger(__name__)

NAMES = {field.name for field in fields(ImageFacts)}


def complete_image_facts() -> None:
    """What is known stays as it is. A model whose files aren't there, or would be refused today, is left out."""
    drawing = ModelVersion.objects.exclude(image_facts={}).select_related("base")
    for version in drawing.only("hosted_model", "digest", "image_facts", "base__digest"):
        if not NAMES - version.image_facts.keys():
            continue
        try:
            found = check_folder(model_store().path(version.foundation.digest)).image
        except (StoreError, OSError) as error:
            logger.warning("%s: what it draws isn't known in full. %s", version, error)
            continue
        if found is not None:
            ModelVersion.objects.filter(pk=version.pk).update(image_facts=asdict(found) | version.image_facts)
