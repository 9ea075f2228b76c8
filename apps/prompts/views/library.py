"""The library: find a prompt."""

from __future__ import annotations

from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from apps.prompts.ratings import overall_ratings
from apps.prompts.search import SCOPES, SORT_NAMES, Search, find, popular_tags

PAGE_SIZE = 24
LAST_PAGE = 200


@require_GET
def library(request: HttpRequest) -> HttpResponse:
    """Pages are not counted: whether there is another is known from one row more."""
    search = Search.read(request.GET)
    number = _page(request.GET.get("page", ""))
    start = (number - 1) * PAGE_SIZE
    found = list(find(request.user, search)[start : start + PAGE_SIZE + 1])
    ratings = overall_ratings(found[:PAGE_SIZE])
    context = {
        "search": search,
        "prompts": [(each, ratings.get(each.pk)) for each in found[:PAGE_SIZE]],
        "page": number,
        "has_more": len(found) > PAGE_SIZE and number < LAST_PAGE,
        "tags": popular_tags(request.user),
        "scopes": SCOPES,
        "sorts": SORT_NAMES,
        "author": found[0].author if search.author and found else None,
        "kept": _kept(request),
        "bin_days": settings.CONVERSATION_BIN_DAYS,
    }
    return render(request, "prompts/library.html", context)


def _kept(request: HttpRequest) -> str:
    """The parameters of the address that the next page has too."""
    sent = {name: value for name, value in request.GET.items() if name != "page" and value and "\x00" not in value}
    return urlencode(sent)


def _page(text: str) -> int:
    return min(max(int(text), 1), LAST_PAGE) if text.isdecimal() and len(text) < 6 else 1
