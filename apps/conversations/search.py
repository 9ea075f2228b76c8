"""What a search looks for in a text: its words by their stems, or every term as a substring.

The latter finds parts of names in code, and words of languages that have no spaces.
"""

from __future__ import annotations

from django.contrib.postgres.search import SearchQuery, SearchVector
from django.db.models import Q
from django.db.models.functions import Left

LANGUAGE = "english"
INDEXED_CHARS = 100_000
"""A tsvector holds 1 MiB at most: only this much of a text is searched by word."""
SIMILAR_TITLE = 0.5
"""pg_trgm's word similarity from which a mistyped title counts as found (1.0: the same word)."""
MAX_TERMS = 8


def words(field: str) -> SearchVector:
    """The full-text expression over `field` that migration 0002 indexes."""
    return SearchVector(Left(field, INDEXED_CHARS), config=LANGUAGE)


def text_matches(field: str, query: str) -> Q:
    """A filter for rows annotated with `words=words(field)`."""
    substrings = Q()
    for term in query.split()[:MAX_TERMS]:
        substrings &= Q(**{f"{field}__icontains": term})
    return Q(words=SearchQuery(query, config=LANGUAGE, search_type="websearch")) | substrings
