"""Chores: registered once, run when due, by one process, and never stopped by another one's failure."""

from __future__ import annotations

import os
import threading

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from aiplatform import housekeeping
from aiplatform.housekeeping import LOCK, Housekeeper, run_once
from apps.lib.chores import Chore, chore, chores


def test_every_app_has_put_its_chores_there() -> None:
    assert "conversations.purge" in chores()


def test_two_functions_with_one_name_and_a_chore_without_a_pause_are_refused() -> None:
    with pytest.raises(ValueError, match="two chores"):
        chore("conversations.purge", every=1)(lambda: None)
    with pytest.raises(ValueError, match="without a pause"):
        chore("audit.never", every=0)


def test_due_ones_run_again_after_their_pause_and_never_beside_themselves() -> None:
    now, ran, gate = [0.0], [], threading.Event()
    slow = Chore("t.slow", 5.0, lambda: (ran.append("slow"), gate.wait(10)))
    quick = Chore("t.quick", 2.0, lambda: ran.append("quick"))
    keeper = Housekeeper([slow, quick], clock=lambda: now[0])
    for at in (0.0, 1.0, 2.0, 6.0):
        now[0] = at
        keeper.start_due()
        for thread in keeper._running.values():
            thread.join(0.2)
    gate.set()
    keeper.wait()
    assert sorted(ran) == ["quick", "quick", "quick", "slow"]


@pytest.mark.django_db
def test_one_that_fails_stops_no_other() -> None:
    ran = []
    broken = Chore("t.broken", 1.0, lambda: 1 / 0)
    assert run_once([broken, Chore("t.good", 1.0, lambda: ran.append(1))]) == ["t.broken"]
    assert ran == [1]


@pytest.mark.django_db(transaction=True)
def test_one_works_and_another_takes_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "LOOK", 0.02)
    monkeypatch.setattr(housekeeping, "TRY_AGAIN", 0.05)
    ran, ending = threading.Event(), threading.Event()
    other = psycopg.connect(os.environ["DATABASE_URL"], dbname=connection.settings_dict["NAME"], autocommit=True)
    other.execute("SELECT pg_advisory_lock(%s)", [LOCK])
    thread = threading.Thread(target=Housekeeper([Chore("t.work", 0.01, ran.set)]).work, args=(ending,))
    thread.start()
    assert not ran.wait(0.4)
    other.close()
    assert ran.wait(5)
    ending.set()
    thread.join(5)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = %s", [LOCK & 0xFFFFFFFF])
        assert cursor.fetchone() == (0,)


@pytest.mark.django_db
def test_the_command_takes_names() -> None:
    call_command("housekeeping", "conversations.purge", once=True)
    with pytest.raises(CommandError, match=r"There is no chore nonsense\. There are: .*conversations\.purge"):
        call_command("housekeeping", "nonsense", once=True)
