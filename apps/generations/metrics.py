"""What a worker process counts, for Prometheus."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from apps.generations.models import GenerationJob, Kind, State

CLAIMED = Counter("atrium_jobs_claimed_total", "Jobs that this worker took from the queue")
ENDED = Counter("atrium_jobs_ended_total", "Jobs that this worker brought to an end", ["state"])
REQUEUED = Counter("atrium_jobs_requeued_total", "Jobs put back into the queue", ["reason"])
PICTURES = Counter("atrium_pictures_total", "Pictures that this worker finished")
PICTURE_STEPS = Counter("atrium_picture_steps_total", "Denoising steps of jobs that ended, unfinished ones included")
FENCED = Counter("atrium_jobs_fenced_total", "Ends that were not written because the lease was lost")
LEASES_LOST = Counter("atrium_leases_lost_total", "Leases that this worker lost")
HELD = Gauge("atrium_jobs_held", "Jobs that this worker holds", ["device"])
QUEUE_SECONDS = Histogram(
    "atrium_queue_seconds", "From submit to claim", buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300)
)
TTFT_SECONDS = Histogram(
    "atrium_ttft_seconds",
    "From the engine's acceptance to the first token, or to the first preview of a picture",
    buckets=(0.03, 0.1, 0.3, 1, 3, 10, 30),
)


def count_end(job: GenerationJob) -> None:
    ENDED.labels(job.state).inc()
    PICTURE_STEPS.inc(job.steps)
    if job.kind == Kind.IMAGE and job.state == State.SUCCEEDED:
        PICTURES.inc()
    if job.queue_ms is not None:
        QUEUE_SECONDS.observe(job.queue_ms / 1000)
    if job.ttft_ms is not None:
        TTFT_SECONDS.observe(job.ttft_ms / 1000)
