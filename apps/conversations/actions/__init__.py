"""Every write of this app: keyword-only, one transaction each, the audit record inside it."""
