"""The only way to a job: through the project it belongs to."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from django.http import Http404

from apps.accounts.models import User
from apps.generations.models import GenerationJob
from apps.projects.access import get_project_for
from apps.projects.models import Role


def get_job_for(user: User | AnonymousUser, job_id: str, role: Role = Role.VIEWER) -> GenerationJob:
    """The job, where `user` has at least `role` in its project.

    Raises Http404 for strangers (the same as for no such job), PermissionDenied with a sentence for members with too
    small a role.
    """
    jobs = GenerationJob.objects.select_related(
        "model_version__hosted_model", "model_version__base__hosted_model", "artifact", "project"
    )
    # PostgreSQL has no text with a NUL in it; an address may.
    job = None if "\0" in job_id else jobs.filter(pk=job_id).first()
    if job is None:
        raise Http404("There is no such job.")
    get_project_for(user, job.project_id, role)
    return job
