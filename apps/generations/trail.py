"""The audit events of jobs: ids, lengths and counts, never texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from apps.accounts.models import User
from apps.audit.record import Target, record
from apps.generations.models import GenerationJob, Kind, State
from apps.generations.outcomes import TOO_LATE

OUTCOMES = {State.SUCCEEDED: "allowed", State.CANCELLED: "allowed", State.FAILED: "failed"}


def submitted(job: GenerationJob, actor: User, through: str = "") -> None:
    record(
        "generation.submitted",
        actor=actor,
        target=_target(job),
        project_id=job.project_id,
        model=job.model_version.hosted_model_id,
        version=job.model_version_id,
        **(_picture(job) if job.kind == Kind.IMAGE else _text(job)),
        **({"api_token": through} if through else {}),
        **({"reproduces": job.params["reproduces"]} if "reproduces" in job.params else {}),
    )


def _text(job: GenerationJob) -> dict[str, int]:
    return {
        "messages": len(job.messages), "prompt_tokens": job.prompt_tokens, "max_tokens": job.params["max_tokens"]
    }  # fmt: skip


def _picture(job: GenerationJob) -> dict[str, int | str]:
    asked = {name: job.params[name] for name in ("width", "height", "steps", "batch") if name in job.params}
    return asked | {"prompt_characters": len(job.params["prompt"])}


def cancel_requested(job: GenerationJob, actor: User) -> None:
    record("generation.cancel.requested", actor=actor, target=_target(job), project_id=job.project_id)


def ended(job: GenerationJob) -> None:
    """For a job that is in its terminal state. The system ends what is late or no longer allowed."""
    is_late = job.error_code == TOO_LATE
    by_system = is_late or (job.state == State.CANCELLED and job.error_code)
    record(
        "generation.timed_out" if is_late else f"generation.{job.state}",
        actor=None if by_system else job.user,
        target=_target(job),
        project_id=job.project_id,
        outcome=OUTCOMES[State(job.state)],
        attempt=job.attempt,
        finish_reason=job.finish_reason,
        error_code=job.error_code,
        **({"steps": job.steps} if job.kind == Kind.IMAGE else _written(job)),
    )


def _written(job: GenerationJob) -> dict[str, int]:
    return {
        "prompt_tokens": job.prompt_tokens,
        "completion_tokens": job.completion_tokens,
        "reasoning_tokens": job.reasoning_tokens,
        "characters": len(job.output),
    }


def requeued(job: GenerationJob, *, reason: str) -> None:
    record(
        "generation.requeued",
        target=_target(job),
        project_id=job.project_id,
        reason=reason,
        attempt=job.attempt,
        lost_attempts=job.lost_attempts,
    )


def stopped(job: GenerationJob, code: str) -> None:
    """It was allowed when it was submitted, and no longer is: `code` is that of the decision."""
    record("generation.stopped", target=_target(job), project_id=job.project_id, outcome="denied", code=code)


def wiped(jobs: Iterable[GenerationJob]) -> None:
    """One event for each project that the jobs belong to."""
    for project_id, number in Counter(job.project_id for job in jobs).items():
        record("generation.wiped", project_id=project_id, jobs=number)


def _target(job: GenerationJob) -> Target:
    return Target("generation", job.pk)
