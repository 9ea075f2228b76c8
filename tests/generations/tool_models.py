"""A tiny model whose chat template tells of tools."""

from __future__ import annotations

from pathlib import Path

from apps.catalog.models import HostedModel, ModelVersion
from engine.store import ModelStore
from tests.engine.tiny import make_checkpoint
from tests.generations.models import hosted

TEMPLATE = (
    "{% for tool in tools or [] %}{{ tool | tojson }}{% endfor %}{% for message in messages %}"
    "{{ '<|' + message.role + '|>' + message.content + '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


def hosted_with_tools(root: Path, folder: Path, name: str = "handy") -> HostedModel:
    make_checkpoint(folder, "Llama", seed=1)
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    digest = ModelStore(root).install(folder, {"source": f"path:{folder}"}).digest
    model = hosted(digest, name)
    ModelVersion.objects.filter(digest=digest).update(chat_template=TEMPLATE)
    return HostedModel.objects.get(pk=model.pk)
