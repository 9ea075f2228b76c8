"""A pytest plugin that spares the processor, which the tests share with servers, workers and a browser.

Python looks for cycles of garbage after every 700 new objects, and walks through all of Django, torch and the tests'
own modules again and again. Here it looks less often, never at what was there before the first test, and not at all
while the migrations run: that is a third of their time.

Tiny matrices gain nothing from two cores, and threads that wait for each other by spinning lose much where others
need them: torch has one in each process that is started here, unless a test asks for more.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from typing import Any

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
gc.set_threshold(10_000, 10, 10)


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()


@pytest.hookimpl(hookwrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any]) -> Iterator[None]:
    if fixturedef.argname == "django_db_setup":
        gc.disable()
    yield
    if fixturedef.argname == "django_db_setup":
        gc.enable()
        gc.collect()
