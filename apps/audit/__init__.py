"""The audit log: what happened, who did it, to what; append-only."""
