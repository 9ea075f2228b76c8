"""Finding prompts: by words, by mistyped titles, by tag and author; trending, new or top first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.contrib.auth.models import AnonymousUser
from django.contrib.postgres.search import SearchQuery, SearchRank, TrigramWordSimilarity
from django.db.models import F, Q

from apps.accounts.models import User
from apps.lib.http import search_text
from apps.prompts.models import Prompt, PromptQuerySet
from apps.prompts.models.prompt import LANGUAGE

RANKED = 500
"""Relevance is computed for so many of the matches, the most trending ones: a common word matches too many."""
TAGS_FROM = 300
SORTS = {
    "trending": ("-trending", "-id"),
    "new": ("-updated_at", "-id"),
    "top": ("-star_count", "-use_count", "-id"),
}
SORT_NAMES = {"trending": "Trending", "new": "Newest", "top": "Most stars"}
SCOPES = {"all": "All", "mine": "Mine", "starred": "Starred", "projects": "In my projects", "deleted": "Deleted"}


@dataclass(frozen=True)
class Search:
    """What a person looks for. `sort` "" is by relevance where there is a query, else trending."""

    query: str = ""
    tag: str = ""
    author: str = ""
    scope: str = "all"
    sort: str = ""

    @classmethod
    def read(cls, sent: Mapping[str, str]) -> Search:
        """From the parameters of a GET; what makes no sense is left out."""
        given = {name: search_text(sent, name) for name in ("q", "tag", "author", "scope", "sort")}
        scope = given["scope"] if given["scope"] in SCOPES else "all"
        sort = given["sort"] if given["sort"] in SORTS else ""
        return cls(given["q"], given["tag"].lower(), given["author"], scope, sort)

    @property
    def is_narrowed(self) -> bool:
        return bool(self.query or self.tag or self.author or self.scope != "all")


def find(user: User | AnonymousUser, search: Search) -> PromptQuerySet:
    """What `user` may read of what they look for, with author and project, without the long texts."""
    rows = _in_scope(user, search)
    if search.tag:
        rows = rows.filter(tags__contains=[search.tag])
    if search.author:
        rows = rows.filter(author=search.author)
    order = SORTS.get(search.sort)
    if search.query:
        rows = rows.filter(_matches(search.query)) if order else _matching(rows, search.query)
        order = order or ("-relevance", "-trending", "-id")
    shown = rows.select_related("author", "project").defer("body", "search", "hidden_reason")
    return shown.order_by(*(order or SORTS["trending"]))


def popular_tags(user: User | AnonymousUser, number: int = 14) -> list[str]:
    """The commonest tags among what trends now; one query."""
    rows = Prompt.objects.visible_to(user).exclude(tags=[]).order_by(*SORTS["trending"])
    counts: dict[str, int] = {}
    for tags in rows.values_list("tags", flat=True)[:TAGS_FROM]:
        for tag in tags:
            counts[tag] = counts.get(tag, 0) + 1
    return sorted(counts, key=lambda tag: (-counts[tag], tag))[:number]


def _in_scope(user: User | AnonymousUser, search: Search) -> PromptQuerySet:
    if search.scope == "deleted":
        return Prompt.objects.in_bin_of(user)
    rows = Prompt.objects.visible_to(user)
    if search.scope == "all":
        return rows
    if not isinstance(user, User):
        return rows.none()
    if search.scope == "mine":
        return rows.filter(author=user)
    if search.scope == "starred":
        return rows.filter(stars__user=user)
    return rows.filter(project__memberships__user=user)


def _matching(rows: PromptQuerySet, query: str) -> PromptQuerySet:
    """Annotates `relevance`, for the RANKED most trending of the matches."""
    candidates = rows.filter(_matches(query)).order_by(*SORTS["trending"]).values("pk")[:RANKED]
    words = SearchRank(F("search"), _words(query))
    return rows.filter(pk__in=candidates).annotate(relevance=words + TrigramWordSimilarity(query, "title"))


def _matches(query: str) -> Q:
    return Q(search=_words(query)) | Q(title__trigram_word_similar=query)


def _words(query: str) -> SearchQuery:
    return SearchQuery(query, config=LANGUAGE, search_type="websearch")
