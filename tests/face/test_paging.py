"""Newer and older pages of a list."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.template.loader import render_to_string
from django.test import RequestFactory


def shown(query: str, count: int) -> str:
    request = RequestFactory().get(f"/things/{query}")
    page = Paginator(range(count), 10).get_page(request.GET.get("page"))
    return render_to_string("ui/pages.html", {"page": page}, request=request)


def test_both_ways_with_all_that_was_asked_for() -> None:
    middle = shown("?q=roses&page=2", 30)
    assert "Page 2 of 3" in middle
    assert 'rel="prev" href="?q=roses&amp;page=1">Newer' in middle
    assert 'rel="next" href="?q=roses&amp;page=3">Older' in middle


def test_the_ends_lead_one_way_and_a_single_page_nowhere() -> None:
    assert "Newer" not in shown("", 30)
    assert "Older" not in shown("?page=3", 30)
    assert not shown("", 10).strip()
