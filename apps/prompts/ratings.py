"""What people thought of the answers: the median for each revision and model, and of a prompt as a whole."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from django.db import connection

from apps.prompts.models import Prompt

SHOWN = 40

# One voice for each person, revision and model: their latest rating.
MEDIANS = """
SELECT number, model_id, percentile_cont(0.5) WITHIN GROUP (ORDER BY rating), count(*)
FROM (
    SELECT DISTINCT ON (run.revision_id, run.model_id, run.user_id) revision.number, run.model_id, run.rating
    FROM prompts_promptrun run JOIN prompts_promptrevision revision ON revision.id = run.revision_id
    WHERE revision.prompt_id = %s AND run.rating IS NOT NULL
    ORDER BY run.revision_id, run.model_id, run.user_id, run.created_at DESC
) AS voices
GROUP BY number, model_id ORDER BY number DESC, model_id LIMIT %s
"""


# Over all revisions and models: one voice for each person, their latest rating.
OVERALL = """
SELECT prompt, percentile_cont(0.5) WITHIN GROUP (ORDER BY rating), count(*)
FROM (
    SELECT DISTINCT ON (revision.prompt_id, run.user_id) revision.prompt_id AS prompt, run.rating
    FROM prompts_promptrun run JOIN prompts_promptrevision revision ON revision.id = run.revision_id
    WHERE revision.prompt_id = ANY(%s) AND run.rating IS NOT NULL
    ORDER BY revision.prompt_id, run.user_id, run.created_at DESC
) AS voices
GROUP BY prompt
"""


class Overall(NamedTuple):
    """What people thought of a prompt as a whole."""

    median: float
    """1 to 5."""
    voices: int


class Rating(NamedTuple):
    number: int
    """Of the revision."""
    model_id: str
    median: float
    """1 to 5."""
    voices: int

    @property
    def percent(self) -> int:
        return round(self.median * 20)


def ratings_of(prompt: Prompt) -> list[Rating]:
    """The latest revisions first; one query."""
    with connection.cursor() as cursor:
        cursor.execute(MEDIANS, [prompt.pk, SHOWN])
        return [Rating(*row) for row in cursor.fetchall()]


def overall_ratings(prompts: Iterable[Prompt]) -> dict[str, Overall]:
    """By id, of those that anybody has rated; one query."""
    with connection.cursor() as cursor:
        cursor.execute(OVERALL, [[prompt.pk for prompt in prompts]])
        return {prompt: Overall(median, voices) for prompt, median, voices in cursor.fetchall()}
