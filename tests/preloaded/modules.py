"""What is loaded: of the site nothing, nor anything else that reads its settings, which each process has of its own.

What is left of Django, and what it brings along, is two thirds of what a worker has to load beside torch. Nothing of
pytest and its plugins either, whose assertions are rewritten while they are loaded.
"""

import gc
import os
from importlib import import_module

# As in the tests' own environment: whoever loads torch first decides.
os.environ |= {"OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": "1"}

ENGINES = (
    "engine.image.compatible.loader", "engine.image.engine", "engine.janus.engine",
    "engine.pictures.download", "engine.pictures.recover", "engine.pictures.thumbnails",
    "engine.remote.service", "engine.service",
)  # fmt: skip
TRANSFORMERS = (
    "clip", "falcon", "gemma2", "gpt2", "gpt_oss", "janus", "llama", "mistral", "mixtral", "phi3", "qwen2", "qwen3",
    "qwen3_next", "siglip", "t5",
)  # fmt: skip
DIFFUSERS = ("flux", "stable_diffusion", "stable_diffusion_3", "stable_diffusion_xl")
DJANGO = (
    "django.contrib.humanize.templatetags.humanize", "django.contrib.messages.middleware",
    "django.contrib.postgres.forms", "django.contrib.postgres.indexes", "django.contrib.postgres.search",
    "django.contrib.sessions.middleware", "django.contrib.staticfiles.storage", "django.core.mail",
    "django.core.management", "django.core.servers.basehttp", "django.db.backends.postgresql.base",
    "django.db.migrations.executor", "django.middleware.cache", "django.middleware.csrf", "django.middleware.locale",
    "django.shortcuts", "django.template.loader_tags", "django.templatetags.i18n", "django.test",
    "django.utils.translation.trans_real", "django.views.debug", "django.views.generic",
)  # fmt: skip
OTHERS = (
    "celery.bin.worker", "celery.fixups.django", "celery.result", "channels.generic.websocket", "channels.layers",
    "channels.security.websocket", "cryptography.fernet", "cryptography.x509", "fido2.server", "gguf", "httpcore",
    "kombu.transport.redis", "markdown_it", "nh3", "prometheus_client", "psycopg_pool", "pythonjsonlogger.json",
    "redis.asyncio", "sqlparse", "uvicorn", "valkey", "whitenoise.middleware",
)  # fmt: skip


def load() -> None:
    models = (f"transformers.models.{name}.modeling_{name}" for name in TRANSFORMERS)
    pipelines = (f"diffusers.pipelines.{name}.pipeline_{name}_inpaint" for name in DIFFUSERS)
    from transformers.utils import logging

    logging.set_verbosity_error()  # of torchvision, which only reads pictures for models that aren't used here
    for name in (*ENGINES, *models, *pipelines, *DJANGO, *OTHERS):
        import_module(name)
    logging.set_verbosity_warning()
    # What is there stays there: nobody has to look through it for garbage, nor gets a copy of it by that.
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)
