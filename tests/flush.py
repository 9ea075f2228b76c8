"""Emptying the test database after transaction=True tests: quickly, and past the guards of what is append-only.

Django truncates every table, some hundred files each time, and makes permissions and content types anew, which takes
half a second. Here rows are deleted where there are any. The program has no way around the triggers that guard the
audit log and the ledger, so the tests take them off as the owner of the tables, and put them back as they were, in
one transaction. Foreign keys are not looked after meanwhile, which takes a superuser: the embedded server's is one.
"""

from __future__ import annotations

from django.db import connection
from django.test import TransactionTestCase

from apps.audit.labels import forget_all

KEPT = ["django_migrations", "django_content_type", "auth_permission", "django_site"]
"""What migrations make, and no test changes."""
DELETE_ALL = """
DO $$
DECLARE
    filled text[] := '{}';
    name text;
    found boolean;
    guard record;
    guards text[] := '{}';
    put_back text;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> ALL (KEPT) LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %I)', name) INTO found;
        IF found THEN filled := filled || name; END IF;
    END LOOP;
    FOR guard IN SELECT tgrelid::regclass AS owner, tgname FROM pg_trigger
        WHERE tgenabled = 'A' AND tgrelid::regclass::text = ANY (filled) LOOP
        EXECUTE format('ALTER TABLE %s DISABLE TRIGGER %I', guard.owner, guard.tgname);
        guards := guards || format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', guard.owner, guard.tgname);
    END LOOP;
    FOREACH name IN ARRAY filled LOOP EXECUTE format('DELETE FROM %I', name); END LOOP;
    FOREACH put_back IN ARRAY guards LOOP EXECUTE put_back; END LOOP;
END $$
"""


def _flush(_case: TransactionTestCase) -> None:
    forget_all()  # what this process remembers of labels is about to be untrue
    kept = ", ".join(f"'{name}'" for name in KEPT)
    with connection.cursor() as cursor:
        cursor.execute(DELETE_ALL.replace("(KEPT)", f"(ARRAY[{kept}])"))


def quickly_between_tests() -> None:
    TransactionTestCase._fixture_teardown = _flush
