"""A large site for benchmarks: many people, 100,000 prompts and 1,000,000 audit events, made by the database itself."""

from __future__ import annotations

import secrets
from typing import Any

from django.db import connection

from apps.accounts.models import User
from apps.audit.label_text import reference
from apps.audit.models import Label

WORDS = (
    "harbour", "lighthouse", "tide", "letter", "summary", "contract", "recipe", "garden", "history", "physics",
    "translate", "review", "poem", "invoice", "meeting", "python", "database", "travel", "music", "language",
    "climate", "teacher", "student", "market", "design", "photograph", "planet", "doctor", "engine", "library",
)  # fmt: skip
PEOPLE = """
INSERT INTO accounts_user (id, password, email, display_name, is_superuser, is_staff, is_active, site_role, date_joined)
SELECT 'u' || lpad(n::text, 15, '0'), '!', 'person' || n || '@example.org', 'Person ' || n, false, false, true, '',
       now() - n * interval '1 hour'
FROM generate_series(1, %(people)s) AS n
"""
PROMPTS = """
WITH words AS (SELECT %(words)s::text[] AS w)
INSERT INTO prompts_prompt (id, author_id, visibility, run_audience, fork_audience, title, summary, tags, body,
    revision_count, star_count, use_count, comment_count, trending, hidden_reason, created_at, updated_at)
SELECT 'p' || lpad(n::text, 15, '0'), 'u' || lpad((1 + n %% %(people)s)::text, 15, '0'),
       (ARRAY[10, 30, 40, 40])[1 + n %% 4], 40, 40,
       initcap(w[1 + n %% 30] || ' ' || w[1 + (n / 30) %% 30] || ' ' || w[1 + (n * 7) %% 30]),
       'How to write about ' || w[1 + (n * 11) %% 30] || ' and ' || w[1 + (n * 13) %% 30],
       ARRAY[w[1 + n %% 30], w[1 + (n * 17) %% 30]],
       repeat('Write about ' || w[1 + (n * 19) %% 30] || ' with ' || w[1 + (n * 23) %% 30] || ' in mind. ', 8),
       1, (n * 7919) %% 500, (n * 104729) %% 2000, 0, ln(1 + (n * 7919) %% 500), '',
       now() - n * interval '1 minute', now() - n * interval '1 minute'
FROM generate_series(1, %(prompts)s::bigint) AS n, words
"""
REVISIONS = """
INSERT INTO prompts_promptrevision (id, prompt_id, number, author_id, created_at, note, title, summary, system, "user",
    variables, model_id, params, tags, licence)
SELECT 'r' || substr(id, 2), id, 1, author_id, created_at, '', title, summary, '', body, '[]', '', '{}', tags,
       'CC-BY-4.0'
FROM prompts_prompt
"""
HEADS = "UPDATE prompts_prompt SET head_id = 'r' || substr(id, 2)"

EVENTS = """
WITH kinds AS (SELECT ARRAY['generation.submitted', 'generation.succeeded', 'generation.submitted', 'session.started',
    'access.denied'] AS actions)
INSERT INTO audit_auditevent (at, action, outcome, actor_id, actor_ref, target_type, target_id, project_id, request_id,
    details)
SELECT now() - (%(events)s - n) * interval '1 second', actions[1 + n %% 5],
       CASE WHEN n %% 5 = 4 THEN 'denied' ELSE 'allowed' END,
       label.subject_id, label.ref, 'generation', 'j' || lpad(n::text, 15, '0'), 'project' || n %% 50, 'request-' || n,
       jsonb_build_object('model', 'm' || n %% 7, 'prompt_tokens', n %% 900, 'completion_tokens', n %% 400)
FROM generate_series(1, %(events)s) AS n, kinds,
     LATERAL (SELECT 'u' || lpad((1 + n %% %(people)s)::text, 15, '0') AS id) AS who, audit_label AS label
WHERE label.subject_id = who.id
"""


def make_events(people: int, events: int) -> None:
    for person in User.objects.filter(email__startswith="person"):
        salt = secrets.token_bytes(16)
        Label.objects.create(
            ref=reference(person.pk, person.email, salt), subject_id=person.pk, text=person.email, salt=salt
        )
    with connection.cursor() as cursor:
        cursor.execute(EVENTS, {"people": people, "events": events})
        cursor.execute("VACUUM ANALYZE")


def make_prompts(people: int, prompts: int) -> None:
    numbers: dict[str, Any] = {"people": people, "prompts": prompts, "words": list(WORDS)}
    with connection.cursor() as cursor:
        for statement in (PEOPLE, PROMPTS, REVISIONS, HEADS):
            cursor.execute(statement, numbers)
        cursor.execute("VACUUM ANALYZE")


def make_admin() -> User:
    return User.objects.create_superuser("bench@example.org", "not used", display_name="Bench")
