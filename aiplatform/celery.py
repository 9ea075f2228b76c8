"""Celery: one queue per HostedModel. The broker only rings the doorbell; PostgreSQL holds the jobs."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aiplatform.settings")

app = Celery("atrium")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    task_ignore_result=True,
    task_acks_late=False,
    # A ring that gets lost costs a second; one that waits for a silent broker would hold up whoever sends a prompt.
    task_publish_retry=False,
    worker_prefetch_multiplier=1,
    worker_send_task_events=False,
    worker_hijack_root_logger=False,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options={"socket_timeout": 5, "socket_connect_timeout": 1},
    timezone="UTC",
)
app.autodiscover_tasks()
# By name: only a worker loads the engine, and with it torch.
app.steps["worker"].add("apps.generations.worker:Generations")
