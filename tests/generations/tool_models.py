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


SHOWING = TEMPLATE.replace(
    "+ '<|end|>' }}",
    "}}{% for call in message.tool_calls or [] %}{{ ' calls ' + call.function.name }}"
    "{{ call.function.arguments | tojson }}{% endfor %}{{ '<|end|>' }}",
)
"""It shows calls as well."""


def hosted_with_tools(root: Path, folder: Path, name: str = "handy", template: str = TEMPLATE) -> HostedModel:
    make_checkpoint(folder, "Llama", seed=1)
    (folder / "chat_template.jinja").write_text(template)
    digest = ModelStore(root).install(folder, {"source": f"path:{folder}"}).digest
    model = hosted(digest, name)
    ModelVersion.objects.filter(digest=digest).update(chat_template=template)
    return HostedModel.objects.get(pk=model.pk)
