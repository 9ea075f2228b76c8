"""Models beside the one that answers, grants of every kind, requests in every state, a stop, quotas and prices."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from django.utils import timezone

from apps.catalog.models import HostedModel, ModelState, ModelVersion
from apps.governance.actions.grants import create_grant, revoke_grant
from apps.governance.actions.requests import approve_request, decline_request, request_access
from apps.governance.actions.switches import throw_switch
from apps.governance.models import AccessRequest
from apps.quotas.governing import set_price, set_quota
from apps.quotas.models import Metric, Period, Subject
from tests.e2e.furniture.people import People

DEMO = "smollm2-135m-instruct"
REASON = "I translate the harbour's notices to mariners into four languages, and the small model loses the thread."


def govern(people: People) -> dict[str, str]:
    """Returns the ids of a request that waits and of one that was decided."""
    small, large, old = _models()
    admin, soon = people.admin, timezone.now() + timedelta(days=30)
    create_grant(actor=admin, model=small, whom=people.groups[0], max_params={"max_tokens": 512}, note="A trial")
    create_grant(actor=admin, model=small, whom=people.project, expires_at=soon)
    create_grant(actor=admin, model=large, whom=people.groups[2], expires_at=timezone.now() + timedelta(hours=20))
    gone = create_grant(actor=admin, model=large, whom=people.others[5], note="For the conference in May")
    revoke_grant(actor=admin, grant=gone)
    throw_switch(actor=admin, model=large, message="Its answers stopped in the middle. We look into it until Monday.")
    decided = _requests(people, small, large)
    _limits(people, small)
    waiting = AccessRequest.objects.get(user=people.member, hosted_model=large)
    return {"request": waiting.pk, "decided": decided.pk, "old": old.pk}


def _models() -> list[HostedModel]:
    """Whose weights are not there: no worker serves them, and pages show them all the same."""
    known = HostedModel.objects.get(pk=DEMO).default_version
    assert known
    wanted = (
        ("tinyllama-1-1b-chat", "TinyLlama 1.1B Chat", ModelState.APPROVED, "apache-2.0"),
        ("zephyr-7b-beta", "Zephyr 7B, aligned and quantised for long documents", ModelState.APPROVED, "MIT"),
        ("wizard-1", "Wizard 1", ModelState.RETIRED, "LicenseRef-wizard-community"),
    )
    return [_model(known, number, *each) for number, each in enumerate(wanted)]


def _model(like: ModelVersion, number: int, slug: str, name: str, state: ModelState, licence: str) -> HostedModel:
    model = HostedModel.objects.create(
        id=slug, name=name, state=state, is_gated=number == 1, description="A model for conversations and short texts."
    )
    model.default_version = ModelVersion.objects.create(
        hosted_model=model, digest=f"{number}{like.digest[1:]}", source=f"hub:{slug}", revision="main",
        files=like.files, size_bytes=like.size_bytes * (number + 3), license_id=licence,
        architecture=like.architecture, context_length=2048 * (number + 1), chat_template=like.chat_template,
    )  # fmt: skip
    model.save(update_fields=["default_version"])
    return model


def _requests(people: People, small: HostedModel, large: HostedModel) -> AccessRequest:
    member, admin, others = people.member, people.admin, people.others
    request_access(actor=member, model=large, reason=REASON, project=people.project)
    request_access(actor=others[6], model=large)
    yes = request_access(actor=others[7], model=small, reason="For a talk next week.")
    no = request_access(actor=member, model=small, reason="I want to compare it.")
    until = timezone.now() + timedelta(days=14)
    approve_request(actor=admin, request=yes, expires_at=until, max_params={"max_tokens": 1024}, answer="Enjoy!")
    return decline_request(actor=admin, request=no, answer="Use the small one: it answers this as well.")


def _limits(people: People, small: HostedModel) -> None:
    def quota(subject: Subject, metric: Metric, period: Period, limit: int | None, **whose: object) -> None:
        set_quota(actor=people.admin, subject=subject, metric=metric, period=period, limit=limit, **whose)  # type: ignore[arg-type]

    quota(Subject.EVERY_USER, Metric.TOKENS, Period.DAY, 2_000_000)
    quota(Subject.EVERY_USER, Metric.CONCURRENT_JOBS, Period.ANY, 40)
    quota(Subject.USER, Metric.TOKENS, Period.MONTH, 1_000_000, user=people.member)
    quota(Subject.USER, Metric.DEVICE_SECONDS, Period.MONTH, None, user=people.others[1])
    quota(Subject.PROJECT, Metric.DEVICE_SECONDS, Period.MONTH, 20_000, project=people.project)
    quota(Subject.SITE, Metric.DEVICE_SECONDS, Period.MONTH, 900_000)
    set_price(actor=people.admin, model=None, per_second=Decimal("0.00035"), currency="EUR")
    set_price(actor=people.admin, model=small, per_second=Decimal("0.0011"))
