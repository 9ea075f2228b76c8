from __future__ import annotations

import shutil
import tempfile
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.catalog.hub import Hub, serving
from tests.e2e.administrator import sign_in_as_admin
from tests.e2e.browser import Complaints, chromium, clean, new_page
from tests.e2e.relay import Relay
from tests.e2e.site import running_site
from tests.e2e.tiny_models import install_tiny_models
from tests.e2e.visitor import Visitor
from tests.engine.model_folders import make_folder

MakeVisitor = Callable[..., Visitor]
HERE = Path(__file__).parent
FURNISHING = "test_everywhere.py"
"""Fills the site with people, models and events; the other tests, which share it, come before that."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.timeout(600))
    items.sort(key=lambda item: item.path.name == FURNISHING)


@pytest.fixture(scope="session")
def site_data() -> Iterator[Path]:
    """The data folder of the running site; its path is short, since PostgreSQL's socket lies in it."""
    folder = Path(tempfile.mkdtemp(prefix="atrium-e2e-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def model_store(site_data: Path, demo_model_store: Path) -> Path:
    """The site's own store, so that tests may install more: the demo model in it is only pointed to."""
    store = site_data / "models"
    store.mkdir()
    for model in demo_model_store.iterdir():
        if model.is_dir():
            (store / model.name).symlink_to(model.resolve())
    return store


@pytest.fixture(scope="session")
def hub(site_data: Path) -> Iterator[tuple[Hub, str]]:
    """What the site takes for the hub, and its address: it has one small model, of which half comes at first."""
    made = Hub(make_folder(site_data / "hub"))
    made.held["model.safetensors"] = threading.Event()
    with serving(made) as address:
        yield made, address


@pytest.fixture(scope="session")
def site(site_data: Path, model_store: Path, hub: tuple[Hub, str]) -> Iterator[str]:
    """The address of the running site, the same one for all tests."""
    of_hub = {"HF_ENDPOINT": hub[1], "HF_HUB_DISABLE_XET": "1", "HF_HUB_DOWNLOAD_TIMEOUT": "60"}
    with running_site(site_data, model_store, **of_hub) as url:
        yield url


@pytest.fixture(scope="session")
def tiny_models(site: str, site_data: Path, model_store: Path) -> None:
    """The site has those of `tests.e2e.tiny_models` too."""
    install_tiny_models(site_data, model_store)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="session")
def admin(browser: Browser, site: str, site_data: Path) -> Any:
    """The cookies of the first administrator: the link that signs them in works once."""
    return sign_in_as_admin(browser, site, site_data)


@pytest.fixture
def complaints() -> Iterator[Complaints]:
    """Fails the test when a page complained of anything that the test does not allow."""
    heard = Complaints()
    yield heard
    assert not heard.heard


@pytest.fixture(scope="session")
def regular(browser: Browser, site: str) -> Any:
    """The cookies of one account for all tests that need nobody in particular."""
    ada = Visitor(new_page(browser, Complaints()), site)
    ada.sign_up()
    cookies = ada.page.context.cookies()
    ada.page.context.close()
    return cookies


@pytest.fixture(scope="session")
def left(browser: Browser) -> dict[str, list[Page]]:
    """Clean pages that tests are done with, by their options: a new one is a process that loads everything anew."""
    return defaultdict(list)


@pytest.fixture
def visitor(
    browser: Browser, site: str, regular: Any, complaints: Complaints, left: dict[str, list[Page]]
) -> Iterator[MakeVisitor]:
    """Makes people, each in a browser context that is theirs: a new one but for those who want nothing but a width."""
    made: list[tuple[Page, list[Page] | None]] = []

    def make(at: str = "", **options: Any) -> Visitor:
        shelf = None if at or options.keys() - {"viewport"} else left[str(options)]
        if shelf:
            page = shelf.pop()
            complaints.listen(page.context)
        else:
            page = new_page(browser, complaints, **options)
        made.append((page, shelf))
        return Visitor(page, at or site, regular)

    yield make
    for page, shelf in made:
        complaints.forget(page.context)
        if shelf is None:
            page.context.close()
        else:
            clean(page, site)
            shelf.append(page)


@pytest.fixture
def relay(site: str) -> Iterator[Relay]:
    """A cable to the site that the test may cut."""
    cable = Relay(site)
    yield cable
    cable.close()
