"""A score for what people like now. Its sort order changes only when something happens, so it can be stored.

Everything that happens to a prompt at time t adds w·2^(t/H), for a half-life H. Seen from any later moment this is a
sum in which each event has lost half of its weight after H. The logarithm of that sum is what the row holds: with
x = ln w + t·ln2/H, the score s becomes ln(e^s + e^x) = max(s, x) + ln(1 + e^-|s-x|), and taking the event
back makes it ln(e^s - e^x).
"""

from __future__ import annotations

import math
from datetime import UTC, datetime

from django.db.models import F, FloatField, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Abs, Cast, Exp, Greatest, Least, Ln

HALF_LIFE_SECONDS = 7 * 24 * 3600
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
CREATED, USED, COMMENTED, STARRED, FORKED = 1.0, 1.0, 2.0, 3.0, 4.0
"""What each event weighs."""
FARTHEST = 700.0
"""e to more than this is not a double."""


def event(weight: float, at: datetime) -> float:
    """The score of one event alone."""
    return math.log(weight) + (at - EPOCH).total_seconds() * math.log(2) / HALF_LIFE_SECONDS


def with_event(weight: float, at: datetime) -> Combinable:
    """An expression for UPDATE: the score of the row after one more event."""
    x = Value(event(weight, at), output_field=FloatField())
    apart = Cast(Greatest(-Abs(F("trending") - x), Value(-FARTHEST)), FloatField())
    return Greatest(F("trending"), x) + Ln(Value(1.0) + Exp(apart))


def without_event(weight: float, at: datetime, created: datetime) -> Combinable:
    """An expression for UPDATE: the score as if that event had never been; never less than that of a new prompt."""
    share = Exp(
        Greatest(
            Least(Value(event(weight, at), output_field=FloatField()) - F("trending"), Value(0.0)), Value(-FARTHEST)
        )
    )
    left = F("trending") + Ln(Greatest(Value(1.0) - share, Value(1e-12)))
    return Greatest(left, Value(event(CREATED, created), output_field=FloatField()))
