"""Whether a request would wait for too long, and the sentence that says so. Imports no torch."""

from __future__ import annotations

OVERLOADED = "overloaded"


def too_long(predicted: float | None, deadline: float | None, most: float | None) -> tuple[str, str] | None:
    """Code and sentence of a refusal; None where the request may wait. In seconds; None: not known, no limit."""
    limits = [limit for limit in (deadline, most) if limit is not None]
    if predicted is None or not limits or predicted <= min(limits):
        return None
    return OVERLOADED, (
        f"About {duration(predicted)} of work are ahead of this request, and it may wait {duration(min(limits))}. "
        f"Try again in about {duration(predicted - min(limits))}, or use another model."
    )


def duration(seconds: float) -> str:
    """ "1 s", "45 s", "3 min"; at least a second."""
    return f"{max(1, round(seconds))} s" if seconds < 120 else f"{round(seconds / 60)} min"
