"""Structured logs: one JSON object a line, with the request and the job it belongs to."""

from __future__ import annotations

import logging
from typing import Any

from aiplatform.addresses import address_of
from apps.lib import context


class ContextFilter(logging.Filter):
    """Adds `request_id` and `job_id` to every record."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = context.request_id.get()
        record.job_id = context.job_id.get()
        record.__dict__.pop("color_message", None)  # uvicorn's: the same once more, for a terminal
        _without_tokens(record)
        return True


def _without_tokens(record: logging.LogRecord) -> None:
    """Django's own words about a request hold its whole address; ours leaves out what opens doors."""
    request = record.__dict__.pop("request", None)
    path = getattr(request, "path", None)
    if isinstance(path, str) and isinstance(record.args, tuple):
        record.args = tuple(f"/{address_of(request)}" if part == path else part for part in record.args)


def logging_config(*, level: str, style: str) -> dict[str, Any]:
    """Django's LOGGING setting; `style` is `json` or `plain`."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"context": {"()": "aiplatform.logging.ContextFilter"}},
        "formatters": {
            "json": {
                "()": "pythonjsonlogger.json.JsonFormatter",
                "fmt": "%(asctime)s %(levelname)s %(name)s %(message)s %(request_id)s %(job_id)s",
                "rename_fields": {"asctime": "time", "levelname": "level", "name": "logger"},
            },
            "plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"},
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "filters": ["context"], "formatter": style}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            # The first two are said better by aiplatform/observation.py; the third tells every connection.
            "django.server": {"level": "WARNING"},
            "uvicorn.access": {"level": "WARNING"},
            "uvicorn.error": {"level": "WARNING"},
            "httpx": {"level": "WARNING"},
            "httpx2": {"level": "WARNING"},  # of the hub's client: it tells addresses that are signed
            "django.request": {"level": "ERROR"},  # refusals stand in the line of the request
        },
    }
