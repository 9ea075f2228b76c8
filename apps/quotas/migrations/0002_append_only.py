from django.db import migrations

# As for the audit log: one trigger for each statement, also under session_replication_role = replica.
FORWARD = """
CREATE FUNCTION quotas_ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The usage ledger is append-only: % is refused.', TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER ledger_append_only BEFORE UPDATE OR DELETE ON quotas_ledgerentry
    FOR EACH STATEMENT EXECUTE FUNCTION quotas_ledger_is_append_only();
CREATE TRIGGER ledger_no_truncate BEFORE TRUNCATE ON quotas_ledgerentry
    FOR EACH STATEMENT EXECUTE FUNCTION quotas_ledger_is_append_only();
ALTER TABLE quotas_ledgerentry ENABLE ALWAYS TRIGGER ledger_append_only;
ALTER TABLE quotas_ledgerentry ENABLE ALWAYS TRIGGER ledger_no_truncate;
"""
BACKWARD = """
DROP TRIGGER ledger_append_only ON quotas_ledgerentry;
DROP TRIGGER ledger_no_truncate ON quotas_ledgerentry;
DROP FUNCTION quotas_ledger_is_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("quotas", "0001_initial")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
