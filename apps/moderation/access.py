"""The only way to what is reported, to reports, and to one's own notices."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.http import Http404
from django.shortcuts import get_object_or_404

from apps.accounts.models import User
from apps.accounts.powers import Power, people_with
from apps.lib.ids import is_id
from apps.moderation.kinds import KindOfThing, kind_called
from apps.moderation.models import Appeal, Case, Decision, Notice

STRIKES_LAST = timedelta(days=90)


def get_thing_for(user: User | AnonymousUser, kind: str, thing_id: str) -> tuple[KindOfThing, Any]:
    """What `user` wants to report, if they may see it; Http404 otherwise, and for a kind that nobody registered."""
    try:
        about = kind_called(kind)
    except LookupError:
        raise Http404("There is nothing of this kind.") from None
    return about, about.find(user, thing_id.replace("\0", ""))


def thing_of(case: Case) -> tuple[KindOfThing, Any] | None:
    """The reported thing, hidden or not; None where it is gone."""
    try:
        about = kind_called(case.kind)
        return about, about.find(None, case.thing_id)
    except (LookupError, Http404):
        return None


def get_case(case_id: str) -> Case:
    """For moderators and auditors: the view has asked for their power."""
    if not is_id(case_id):
        raise Http404("There is no such report.")
    return get_object_or_404(Case.objects.select_related("author"), pk=case_id)


def get_decision_for(author: User, decision_id: str) -> Decision:
    """A decision about something that `author` wrote."""
    decisions = Decision.objects.filter(case__author=author).select_related("case")
    return get_object_or_404(decisions, pk=decision_id if is_id(decision_id) else "")


def get_notice_for(user: User, notice_id: str) -> Notice:
    return get_object_or_404(Notice, user=user, pk=notice_id if is_id(notice_id) else "")


def notices_of(user: User) -> QuerySet[Notice]:
    """What they have not dismissed, newest first, with what an appeal needs."""
    return Notice.objects.filter(user=user, dismissed_at=None).select_related("decision__case", "decision__appeal")


def open_appeals() -> QuerySet[Appeal]:
    return Appeal.objects.filter(state=Appeal.State.OPEN)


def strikes_of(author: User) -> int:
    """Warnings that stand and things still hidden, of the last 90 days: older ones are forgotten."""
    lately = Decision.objects.filter(case__author=author, created_at__gt=Now() - STRIKES_LAST)
    stands = ~Q(appeal__state=Appeal.State.GRANTED) | Q(appeal=None)
    counted = Q(outcome=Decision.Outcome.WARN) | Q(outcome=Decision.Outcome.HIDE, case__hidden_at__isnull=False)
    return lately.filter(stands & counted).count()


def other_moderators(than: User) -> bool:
    """Whether anybody else could decide."""
    return people_with(Power.MODERATE).exclude(pk=than.pk).exists()
