"""Go on with what a prompt of the library answered on its own page."""

from __future__ import annotations

from django.db import transaction

from apps.accounts.models import User
from apps.audit.record import Target, record
from apps.conversations.inputs import refused
from apps.conversations.models import MAX_TITLE_CHARS, Conversation, Message
from apps.generations.models import GenerationJob
from apps.prompts.models import PromptRun


@transaction.atomic
def continue_run(*, actor: User, run: PromptRun) -> Conversation:
    """A conversation that begins with the filled-in prompt and its answer. The answer stays the same job, so that its
    receipt, figures and rating go with it; model and settings are those of the run. The caller has checked that the
    run is `actor`'s and that they may write in its project. Asked again it is the same conversation. Raises Refused
    for one that isn't over, or whose text was erased."""
    job = _locked_job(run)
    if before := Message.objects.select_related("conversation").filter(job=job).first():
        return _continued_before(before.conversation)
    if not job.is_terminal:
        raise refused("running", "The answer is still being written. Continue once it is complete.", status=409)
    said = {each["role"]: each["content"] for each in job.messages}
    if not said.get("user"):
        raise refused("erased", "The text of this run was erased. Run the prompt again.", status=409)
    conversation = Conversation.objects.create(
        project=job.project,
        created_by=actor,
        title=run.revision.title[:MAX_TITLE_CHARS],
        system_prompt=said.get("system", ""),
        hosted_model=job.model_version.hosted_model,
        params=run.revision.params,
    )
    conversation.active_leaf = _begun(conversation, actor, said["user"], job)
    conversation.save(update_fields=["active_leaf"])
    target = Target("conversation", conversation.pk, "conversation")
    record("conversation.run_continued", actor=actor, target=target, project_id=job.project_id, run=run.pk, job=job.pk)
    return conversation


def _locked_job(run: PromptRun) -> GenerationJob:
    """Who asks twice at once waits here, and finds what the first has made."""
    jobs = GenerationJob.objects.select_related("project", "model_version__hosted_model").select_for_update(
        of=("self",)
    )
    job = jobs.filter(pk=run.job_id).first()
    if job is None:
        raise refused("erased", "The answer of this run is gone. Run the prompt again.", status=409)
    return job


def _continued_before(conversation: Conversation) -> Conversation:
    if conversation.deleted_at:
        raise refused(
            "deleted",
            f"You continued this run before, in “{conversation}”, which is in the bin of {conversation.project}. "
            "Restore it there, or run the prompt again.",
            status=409,
        )
    return conversation


def _begun(conversation: Conversation, actor: User, text: str, job: GenerationJob) -> Message:
    """What was asked and what came of it, at the time when that was."""
    both = {"conversation": conversation, "created_at": job.created_at}
    question = Message.objects.create(role=Message.Author.USER, user=actor, text=text, **both)
    return Message.objects.create(role=Message.Author.ASSISTANT, parent=question, job=job, **both)
