"""Whether a prompt may join the queue: not where so much work is ahead of it that nobody would wait for the answer."""

from __future__ import annotations

from django.conf import settings
from prometheus_client import Counter

from apps.generations.errors import Refused
from apps.generations.models import GenerationJob, State
from apps.generations.queue import place_of
from engine.overload import duration

OVERLOADED = Counter("atrium_jobs_overloaded_total", "Prompts refused for what was ahead of them", ["model"])


def refuse_overload(job: GenerationJob) -> None:
    """Raises Refused; the caller's transaction then takes the job back. One whose wait nobody can tell may wait."""
    most = settings.MAX_WAIT_MINUTES * 60
    others_wait = most and GenerationJob.objects.filter(state=State.QUEUED).exclude(pk=job.pk).exists()
    starts_in = place_of(job).starts_in if others_wait else None
    if starts_in is None or starts_in <= most:
        return
    model = job.model_version.hosted_model
    OVERLOADED.labels(model.pk).inc()
    message = (
        f"About {duration(starts_in)} of work are ahead of you on {model.name}, and no more than {duration(most)} may "
        f"be. Try again in about {duration(starts_in - most)}, or choose another model."
    )
    raise Refused(status=429, code="overloaded", message=message, starts_in=starts_in)
