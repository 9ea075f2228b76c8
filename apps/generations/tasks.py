"""The doorbell, as the worker hears it."""

from __future__ import annotations

from collections.abc import Callable

from celery import shared_task

from apps.generations.doorbell import RING_TASK

_listeners: list[Callable[[str], None]] = []


def on_ring(listener: Callable[[str], None]) -> None:
    """Call `listener` with the job's id whenever the doorbell of this process rings."""
    _listeners.append(listener)


def no_longer(listener: Callable[[str], None]) -> None:
    _listeners.remove(listener)


@shared_task(name=RING_TASK)
def ring(job_id: str) -> None:
    """A job was submitted. Which one doesn't matter: the worker takes what has waited longest."""
    for listener in tuple(_listeners):
        listener(job_id)
