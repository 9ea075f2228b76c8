"""Where we are: the request or job that the current code runs for, for logs and the audit log."""

from __future__ import annotations

from contextvars import ContextVar

request_id: ContextVar[str] = ContextVar("request_id", default="")
job_id: ContextVar[str] = ContextVar("job_id", default="")
client_ip: ContextVar[str] = ContextVar("client_ip", default="")
