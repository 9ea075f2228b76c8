"""A superuser with all triggers off changes the log; the verifier names the first bad event. And where nobody did,
it says that all is well."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from apps.audit import models
from apps.audit.checkpoints import SPAN
from apps.audit.keys import new_signing_key
from apps.audit.record import record
from apps.audit.sealing import seal_and_sign, seal_new_events
from apps.audit.witness import NAME
from tests.audit.copies import chain_again, superuser, verify, write_events
from tests.world import World

pytestmark = pytest.mark.django_db
EVENTS, VICTIM = 35, 17  # four checkpoints; the victim is in the second


@pytest.fixture
def ids(db: None) -> list[int]:
    return write_events(EVENTS)


def run(*statements: tuple[str, list[object]]) -> None:
    with superuser() as cursor:
        for statement, parameters in statements:
            cursor.execute(statement, parameters)


def edit(ids: list[int]) -> None:
    run(("UPDATE audit_auditevent SET outcome = 'denied' WHERE id = %s", [ids[VICTIM]]))


def edit_details(ids: list[int]) -> None:
    run(("UPDATE audit_auditevent SET details = details || '{\"count\": 99}' WHERE id = %s", [ids[VICTIM]]))


def edit_time(ids: list[int]) -> None:
    run(("UPDATE audit_auditevent SET at = at + interval '1 microsecond' WHERE id = %s", [ids[VICTIM]]))


def delete(ids: list[int]) -> None:
    run(("DELETE FROM audit_auditevent WHERE id = %s", [ids[VICTIM]]))


def delete_with_seal(ids: list[int]) -> None:
    delete(ids)
    run(("DELETE FROM audit_seal WHERE event_id = %s", [ids[VICTIM]]))


INSERT = (
    "INSERT INTO audit_auditevent (id, at, action, outcome, actor_id, target_type, target_id, project_id, request_id, details)"  # noqa: E501
    " SELECT %s, at, action, outcome, actor_id, target_type, 'forged', project_id, request_id, details"
    " FROM audit_auditevent WHERE id = %s"
)


def insert(ids: list[int]) -> None:
    """In the place of an id that a rollback left free: the victim's, after all later ones moved."""
    run((INSERT, [ids[-1] + 1000, ids[0]]))


def reorder_events(ids: list[int]) -> None:
    one, two = ids[VICTIM], ids[VICTIM + 1]
    run(
        ("UPDATE audit_auditevent SET id = -1 WHERE id = %s", [one]),
        ("UPDATE audit_auditevent SET id = %s WHERE id = %s", [one, two]),
        ("UPDATE audit_auditevent SET id = %s WHERE id = -1", [two]),
    )


def reorder_seals(ids: list[int]) -> None:
    run(
        ("UPDATE audit_seal SET position = -1 WHERE position = %s", [VICTIM + 1]),
        ("UPDATE audit_seal SET position = %s WHERE position = %s", [VICTIM + 1, VICTIM + 2]),
        ("UPDATE audit_seal SET position = %s WHERE position = -1", [VICTIM + 2]),
    )


def truncate_tail(ids: list[int]) -> None:
    run(("DELETE FROM audit_auditevent WHERE id >= %s", [ids[VICTIM]]))


def truncate_tail_and_seals(ids: list[int]) -> None:
    truncate_tail(ids)
    run(("DELETE FROM audit_seal WHERE event_id >= %s", [ids[VICTIM]]))


def and_again(change: Callable[[list[int]], None]) -> Callable[[list[int]], None]:
    """The same by someone who then makes all hashes fit: only what was signed can tell."""

    def forge(ids: list[int]) -> None:
        change(ids)
        chain_again()

    forge.__name__ = f"{change.__name__}_and_all_hashes"
    return forge


CHANGES = [edit, edit_details, edit_time, delete, delete_with_seal, truncate_tail, truncate_tail_and_seals]
CHANGES += [and_again(change) for change in CHANGES] + [reorder_events, and_again(reorder_events), reorder_seals]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_the_first_bad_event_is_named(ids: list[int], keys: Path, change: Callable[[list[int]], None]) -> None:
    assert verify(keys).first is None
    change(ids)
    first = verify(keys).first
    assert first is not None
    assert first.position == VICTIM + 1
    # Where the row itself is gone without a trace, the neighbours are named.
    unnamed = (
        truncate_tail_and_seals.__name__,
        and_again(truncate_tail).__name__,
        and_again(truncate_tail_and_seals).__name__,
    )
    moved = {and_again(delete).__name__: 1, and_again(delete_with_seal).__name__: 1, reorder_seals.__name__: 1}
    expected = None if change.__name__ in unnamed else ids[VICTIM + moved.get(change.__name__, 0)]
    assert first.event_id == expected


def test_an_event_put_in_beside_the_chain(ids: list[int], keys: Path) -> None:
    insert(ids)
    first = verify(keys).first
    assert first is not None
    assert (first.position, first.event_id) == (EVENTS + 1, ids[-1] + 1000)


def test_an_event_put_in_the_middle_with_all_hashes(ids: list[int], keys: Path) -> None:
    insert(ids)
    run(
        ("UPDATE audit_seal SET position = -position WHERE position > %s", [VICTIM]),
        ("UPDATE audit_seal SET position = 1 - position WHERE position < 0", []),
        ("INSERT INTO audit_seal VALUES (%s, %s, %s)", [VICTIM + 1, b"\0" * 32, ids[-1] + 1000]),
    )
    assert verify(keys).first.position == VICTIM + 1
    chain_again()
    first = verify(keys).first
    assert (first.position, first.event_id) == (VICTIM + 1, ids[-1] + 1000)


def test_everything_truncated_is_noticed_by_the_witness_outside(ids: list[int], keys: Path) -> None:
    with superuser() as cursor:
        for table in ("audit_auditevent", "audit_seal", "audit_checkpoint", "audit_unsealed"):
            cursor.execute(f"DELETE FROM {table}")
    assert verify(keys).first.position == 1
    (keys / NAME).unlink()
    assert verify(keys).first is None, "the control: without the witness nothing is left to tell"


def test_without_checkpoints_a_forger_would_go_unseen(ids: list[int], keys: Path) -> None:
    """The control of the signatures: they, and nothing else, tell of a chain that was made anew."""
    edit(ids)
    chain_again()
    assert verify(keys).first.position == VICTIM + 1
    run(("DELETE FROM audit_checkpoint", []))
    assert verify(keys).first is not None
    (keys / NAME).unlink()
    assert verify(keys).first is None


@pytest.mark.parametrize("column", ["signature", "trail", "hash"])
def test_a_changed_checkpoint(ids: list[int], keys: Path, column: str) -> None:
    run(
        (
            f"UPDATE audit_checkpoint SET {column} = set_byte({column}, 3, get_byte({column}, 3) # 1) WHERE position = 20",  # noqa: E501
            [],
        )
    )
    assert verify(keys).first.position == 11


def test_a_checkpoint_taken_out(ids: list[int], keys: Path) -> None:
    run(("DELETE FROM audit_checkpoint WHERE position = 20", []))
    assert "checkpoint" in verify(keys).first.what


def test_a_label_that_was_changed(ids: list[int], keys: Path) -> None:
    run(
        (
            "UPDATE audit_label SET text = 'Someone else' WHERE ref = (SELECT target_ref FROM audit_auditevent WHERE id = %s)",  # noqa: E501
            [ids[VICTIM]],
        )
    )
    assert (verify(keys).first.position, verify(keys).first.event_id) == (VICTIM + 1, ids[VICTIM])


def test_an_event_taken_away_before_it_was_sealed(ids: list[int], keys: Path) -> None:
    lost = record("audit.viewed").pk
    run(("DELETE FROM audit_auditevent WHERE id = %s", [lost]))
    record("audit.viewed")
    seal_new_events()
    assert verify(keys).first.event_id == lost


MANY = (
    "INSERT INTO audit_auditevent (action, outcome, actor_id, target_type, target_id, project_id, request_id, details)"
    " SELECT 'audit.viewed', 'allowed', '', '', n::text, '', '', '{}' FROM generate_series(1, %s) AS n"
)


def test_many_at_once_are_sealed_though_statistics_know_of_none(db: None, keys: Path) -> None:
    """What waits is nearly always nothing, and so say the statistics when much comes at once."""
    with connection.cursor() as cursor:
        cursor.execute(MANY, [3000])
        run(("DELETE FROM audit_auditevent", []), ("DELETE FROM audit_unsealed", []))
        cursor.execute("ANALYZE audit_auditevent, audit_unsealed")
        cursor.execute(MANY, [3000])
        cursor.execute("SET LOCAL statement_timeout = '20s'")  # it took minutes
    assert seal_new_events() == models.AuditEvent.objects.count() == 3000


def test_one_chain_over_long_spans(db: None, keys: Path) -> None:
    with connection.cursor() as cursor:
        cursor.execute(MANY, [SPAN * 9 + 7])
    seal_new_events()
    assert verify(keys).first is None
    assert models.Checkpoint.objects.count() == 9, "the rest waits for its ten seconds"
    middle = models.Seal.objects.get(position=SPAN * 5 + 2)
    run(("UPDATE audit_auditevent SET action = 'x' WHERE id = %s", [middle.event_id]))
    assert verify(keys).first.event_id == middle.event_id


def test_another_key_does_not_vouch_for_it(ids: list[int], keys: Path, tmp_path: Path) -> None:
    new_signing_key(tmp_path / "other")
    path = next((tmp_path / "other" / "public").iterdir())
    with pytest.raises(CommandError, match="not one of those given"):
        call_command("audit", "verify", public_key=[path])


def test_a_new_key_signs_what_comes(ids: list[int], keys: Path, world: World) -> None:
    call_command("audit", "key", new=True)
    record("audit.viewed", actor=world.admin)
    seal_and_sign()
    assert verify(keys).first is None
    assert models.Checkpoint.objects.values("key_id").distinct().count() == 2
    call_command("audit", "verify")
