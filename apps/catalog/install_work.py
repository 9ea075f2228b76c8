"""What the process of an install does: fetch, check, propose; and beside it tell how far it has come."""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from time import monotonic

from django.db import DatabaseError

from apps.catalog.errors import CatalogError
from apps.catalog.fetching import downloads_of
from apps.catalog.install_claims import Claim, Standing, end_failed, extend, give_back, held, let_go
from apps.catalog.installing import bring
from apps.catalog.installs import finish_install, source_of, wishes_of
from apps.catalog.models import InstallState, ModelInstall
from apps.catalog.sources.hub import HubSource
from apps.catalog.store import model_store
from apps.lib.database import borrowed_connection
from engine.store import StoreError
from engine.store.copying import Progress

BEAT_SECONDS = 1.0
PACE_SECONDS = 15.0
"""Over which the speed is measured."""
UNEXPECTED = "Something happened that nobody foresaw; the log of the housekeeping says what."

logger = logging.getLogger(__name__)


class Pace:
    """Bytes a second, of late."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def at(self, done: int, now: float) -> float:
        if self._seen and done < self._seen[-1][1]:
            self._seen.clear()  # something else is being done now
        self._seen.append((now, done))
        while now - self._seen[0][0] > PACE_SECONDS:
            self._seen.popleft()
        began, first = self._seen[0]
        return (done - first) / (now - began) if now > began else 0.0


class Work:
    """`run` does it, and ends this process early where it isn't to be done any more."""

    def __init__(self, claim: Claim) -> None:
        self._claim = claim
        self._source: HubSource | None = None
        self._checked: int | None = None
        self._pace = Pace()

    def run(self) -> int:
        """0, also where it failed with a reason that people read. Raises DatabaseError: then the lease runs out."""
        install = held(self._claim).first()
        if install is None:
            return 0
        for work in (self._watch, self._beat):
            threading.Thread(target=work, daemon=True).start()
        try:
            self._install(install)
        except (CatalogError, StoreError) as error:
            end_failed(self._claim, str(error))
        except DatabaseError:
            raise
        except Exception:
            logger.exception("the install %s failed", install.pk)
            end_failed(self._claim, UNEXPECTED)
        return 0

    def _install(self, install: ModelInstall) -> None:
        source, wishes = source_of(install), wishes_of(install)
        extend(self._claim, total_bytes=sum(source.files.values()))
        self._source = source
        manifest = bring(source=source, wishes=wishes, report=logger.info, progress=self._checking)
        finish_install(self._claim, manifest, wishes)

    def _checking(self, size: int) -> Progress:
        self._checked = 0
        extend(self._claim, state=InstallState.CHECKING, total_bytes=size)

        def count(written: int) -> None:
            self._checked = (self._checked or 0) + written

        return count

    def _beat(self) -> None:
        while True:
            try:
                with borrowed_connection():
                    standing = extend(self._claim, **self._progress())
                    if standing == Standing.CANCELLED:
                        let_go(self._claim)
            except DatabaseError as error:
                logger.warning("the database doesn't hear how far the install has come: %s", error)
            except Exception:
                logger.exception("the heartbeat of the install failed; it tries again")
            else:
                if standing != Standing.HELD:
                    os._exit(0)
            threading.Event().wait(BEAT_SECONDS)

    def _progress(self) -> dict[str, float]:
        if self._checked is not None:
            return {"checked_bytes": self._checked, "bytes_per_second": self._pace.at(self._checked, monotonic())}
        if self._source is None:
            return {}
        fetched = self._source.fetched(downloads_of(model_store()))
        return {"fetched_bytes": fetched, "bytes_per_second": self._pace.at(fetched, monotonic())}

    def _watch(self) -> None:
        """Until nobody holds the other end of our input: then whoever started us is gone."""
        os.read(0, 1)
        try:
            with borrowed_connection():
                give_back(self._claim)
        finally:
            os._exit(0)
