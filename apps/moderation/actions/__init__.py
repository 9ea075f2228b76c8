"""Every write of this app: one transaction each, its audit record inside."""
