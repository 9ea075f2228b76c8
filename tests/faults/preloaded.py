"""What all workers of these tests load, loaded once: only the process that they are forked from imports this.

Of the site nothing, nor anything else that reads its settings, which each worker has of its own. What is left of
Django, and what it brings along, is two thirds of what a worker has to load beside torch.
"""

import gc
import os
from importlib import import_module

# As in the workers' own environment: whoever loads torch first decides.
os.environ |= {"OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": "1"}

ENGINES = (
    "engine.service", "engine.image.loader", "engine.remote.service", "engine.pictures.recover",
    "engine.pictures.thumbnails", "engine.pictures.download", "transformers.models.llama.modeling_llama",
)  # fmt: skip
DJANGO = (
    "django.contrib.humanize.templatetags.humanize", "django.contrib.messages.middleware",
    "django.contrib.postgres.forms", "django.contrib.postgres.indexes", "django.contrib.postgres.search",
    "django.contrib.sessions.middleware", "django.contrib.staticfiles.storage", "django.core.management",
    "django.core.mail", "django.db.backends.postgresql.base", "django.middleware.cache", "django.middleware.csrf",
    "django.middleware.locale", "django.shortcuts", "django.template.loader_tags", "django.templatetags.i18n",
    "django.utils.translation.trans_real", "django.views.debug", "django.views.generic",
)  # fmt: skip
OTHERS = (
    "celery.bin.worker", "celery.fixups.django", "channels.layers", "cryptography.fernet", "cryptography.x509",
    "fido2.server", "httpcore", "kombu.transport.redis", "markdown_it", "nh3", "prometheus_client",
    "psycopg_pool", "pythonjsonlogger.json", "redis.asyncio", "sqlparse", "whitenoise.middleware",
)  # fmt: skip

for name in (*ENGINES, *DJANGO, *OTHERS):
    import_module(name)

# What is there stays there: no worker has to look through it for garbage, nor gets a copy of it by that.
gc.collect()
gc.freeze()
gc.set_threshold(10_000, 10, 10)
