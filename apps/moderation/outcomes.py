"""What can be decided about a case as it stands, and what people are told of it."""

from __future__ import annotations

from apps.moderation.kinds import kind_called
from apps.moderation.models import Case, Decision

Outcome = Decision.Outcome
VERBS = {
    Outcome.HIDE: "Hide it",
    Outcome.WARN: "Warn the author",
    Outcome.DISMISS: "Leave it as it is",
    Outcome.RESTORE: "Show it again",
}
ACTIONS = {
    Outcome.HIDE: "moderation.hidden",
    Outcome.RESTORE: "moderation.restored",
    Outcome.WARN: "moderation.warned",
    Outcome.DISMISS: "moderation.dismissed",
}
TO_AUTHOR = {
    Outcome.HIDE: "Your {thing} was hidden by a moderator",
    Outcome.RESTORE: "Your {thing} is shown again",
    Outcome.WARN: "A moderator warns you about your {thing}",
}
TO_REPORTER = {
    Outcome.HIDE: "It is hidden now. Thank you for telling us.",
    Outcome.RESTORE: "It was looked at again and is shown.",
    Outcome.WARN: "Its author was warned. Thank you for telling us.",
    Outcome.DISMISS: "A moderator looked at it and left it as it is.",
}
HAPPENED = {
    Outcome.HIDE: "hid it",
    Outcome.RESTORE: "showed it again",
    Outcome.WARN: "warned its author",
    Outcome.DISMISS: "left it as it is",
}
TAKES_BACK = {Outcome.HIDE: "It is shown again.", Outcome.WARN: "The warning is taken back."}
"""What an appeal can be about, and what granting it does."""


def can_be_taken_back(decision: Decision) -> bool:
    """A warning, and what is still hidden. `decision.case` is loaded."""
    hidden = decision.outcome == Outcome.HIDE and decision.case.hidden_at is not None
    return hidden or decision.outcome == Outcome.WARN


def possible(case: Case) -> list[Decision.Outcome]:
    """The decisions that make sense now; the first is what moderators came for."""
    if case.state == Case.State.OPEN:
        return [Outcome.RESTORE, Outcome.DISMISS] if case.hidden_at else [Outcome.HIDE, Outcome.WARN, Outcome.DISMISS]
    return [Outcome.RESTORE] if case.hidden_at else [Outcome.HIDE]


def noun_of(case: Case) -> str:
    """ "prompt"; the kind itself for one that no room registers any more."""
    try:
        return kind_called(case.kind).noun
    except LookupError:
        return case.kind.replace("_", " ")


def thing_in_words(case: Case) -> str:
    """prompt “Tides”: as it stands in a sentence."""
    return f"{noun_of(case)} “{case.label}”" if case.label else noun_of(case)
