"""Sharing and governing at scale, on the embedded PostgreSQL: prints one line of JSON.

    python -m benchmarks.governance [--prompts 100000] [--events 1000000] [--people 1000]

Makes a large site, then asks for pages of the library and of the audit log (server time in ms, median of five, with
the number of queries), seals and verifies the audit log (events a second), exports it from a process of its own (its
largest memory, and that of an export of nothing), downloads it from a running web server (time to the first byte, how
much the server grew, how long others waited), and submits prompts with and without their audit event in turns.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.download import Server
from benchmarks.site import SITE, Site

LIBRARY = {
    "trending": "/prompts/",
    "new": "/prompts/?sort=new",
    "top": "/prompts/?sort=top",
    "page_50": "/prompts/?page=50",
    "search": "/prompts/?q=harbour+poem",
    "search_common": "/prompts/?q=write",
    "search_misspelt": "/prompts/?q=harbuor",
    "tag": "/prompts/?tag=harbour",
    "picker": "/prompts/search.json?q=light",
}
AUDIT = {
    "audit": "/console/audit/",
    "audit_action": "/console/audit/?action=access.denied",
    "audit_person": "/console/audit/?actor=person7%40example.org",
    "audit_outcome": "/console/audit/?outcome=denied",
    "audit_days": "/console/audit/?since=2026-01-01&until=2026-01-02",
    "audit_oldest": "/console/audit/?sort=at",
    "audit_in_the_middle": "/console/audit/?before=400000",
    "audit_everybody": "/console/audit/?actor=example.org",
    "audit_nobody": "/console/audit/?actor=nobody-of-this-name",
    "audit_all_of_a_kind": "/console/audit/?action=generation.",
    "audit_none_of_a_kind": "/console/audit/?action=price.",
    "audit_several": "/console/audit/?actor=person7%40example.org&outcome=denied&action=access.denied",
}
DOWNLOADS = {
    "csv": "/console/audit/export.csv",
    "jsonl": "/console/audit/export.jsonl",
    "jsonl_of_one_person": "/console/audit/export.jsonl?actor=person7%40example.org",
}
REPEATS = 5


def pages(client: Any, addresses: dict[str, str]) -> dict[str, dict[str, float]]:
    """Server time of each page in ms, the templates included, and how many queries it took."""
    from django.db import connection

    found = {}
    for name, address in addresses.items():
        statements: list[str] = []

        def count(execute: Callable[..., Any], sql: str, *rest: Any, kept: list[str] = statements) -> Any:
            kept.append(sql)
            return execute(sql, *rest)

        with connection.execute_wrapper(count):
            response = client.get(address)
        assert response.status_code == 200, (address, response.status_code)
        found[name] = {"ms": milliseconds(partial(client.get, address)), "queries": len(statements)}
    return found


def milliseconds(work: Callable[[], Any], repeats: int = REPEATS) -> float:
    times = []
    for _ in range(repeats):
        began = perf_counter()
        work()
        times.append((perf_counter() - began) * 1000)
    return round(statistics.median(times), 1)


def audit_log() -> dict[str, float]:
    """Rates of sealing and verifying, events a second."""
    from django.conf import settings

    from apps.audit import keys
    from apps.audit.sealing import seal_and_sign
    from apps.audit.verify_database import verify_database
    from apps.audit.witness import read_witness

    keys.signing_key(settings.AUDIT_KEYS)
    began = perf_counter()
    sealed = seal_and_sign()
    sealing = perf_counter() - began
    began = perf_counter()
    report = verify_database(keys.public_keys(settings.AUDIT_KEYS), read_witness(settings.AUDIT_KEYS))
    verifying = perf_counter() - began
    assert report.first is None, report.first
    return {"sealed_per_s": round(sealed / sealing), "verified_per_s": round(report.events / verifying)}


def export_memory(folder: Path) -> dict[str, float]:
    """The largest resident size in MiB of a process that exports all, and of one that only starts."""
    sizes: dict[str, float] = {}
    for name, arguments in (
        ("start", ["audit", "key"]),
        ("export", ["audit", "export", "--output", str(folder / "log")]),
    ):
        script = (
            "import resource, sys; from django.core.management import execute_from_command_line as run; run(sys.argv); "
        )
        script += "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"
        run = subprocess.run(
            [sys.executable, "-c", script, *arguments], cwd=SITE, capture_output=True, text=True, check=True
        )
        sizes[f"{name}_mib"] = round(int(run.stderr.split()[-1]) / 1024)
    return sizes


def downloads(site: Site, client: Any) -> dict[str, dict[str, Any]]:
    """Over HTTP from the web server that the site really has, and what that costs it."""
    server = Server(site.port, site.start_web(), {name: cookie.value for name, cookie in client.cookies.items()})
    for address in (*AUDIT.values(), DOWNLOADS["jsonl_of_one_person"]):
        server.visit(address)  # what is loaded once is no growth
    return {name: server.download(address) for name, address in DOWNLOADS.items()}


def submits(number: int) -> dict[str, float]:
    """Median time of a submit in ms with its audit event, and without, in turns."""
    from unittest import mock

    from apps.accounts.models import User
    from apps.catalog.models import HostedModel
    from apps.generations import trail
    from apps.generations.actions import submit_generation
    from apps.projects.models import Membership, Project, Role

    user, model = User.objects.get(email="bench@example.org"), HostedModel.objects.get()
    project = Project.objects.create(name="Bench")
    Membership.objects.create(project=project, user=user, role=Role.OWNER)

    def submit() -> float:
        began = perf_counter()
        job = submit_generation(
            actor=user, project=project, model=model, messages=[{"role": "user", "content": "Hello"}], params={}
        )
        taken = (perf_counter() - began) * 1000
        type(job).objects.filter(pk=job.pk).update(state="succeeded")
        return taken

    times: dict[str, list[float]] = {"with": [], "without": []}
    for _ in range(number + 5):
        times["with"].append(submit())
        with mock.patch.object(trail, "submitted"):
            times["without"].append(submit())
    found = {name: round(statistics.median(each[5:]), 2) for name, each in times.items()}
    return {**found, "added": round(found["with"] - found["without"], 2)}


def measure(site: Site, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    import django

    django.setup()
    from django.test import Client

    from benchmarks.governed_world import make_admin, make_events, make_prompts

    make_prompts(options.people, options.prompts)
    make_events(options.people, options.events)
    client = Client()
    client.force_login(make_admin())
    found = {
        "benchmark": "governance",
        "prompts": options.prompts,
        "events": options.events,
        "library": pages(client, LIBRARY),
        "library_signed_out": pages(Client(), {"trending": "/prompts/", "search": "/prompts/?q=harbour+poem"}),
        "audit_log": audit_log(),
        "audit_pages": pages(client, AUDIT),
        "export": export_memory(folder),
        "downloads": downloads(site, client),
        "submit_ms": submits(40),
    }
    found["self_mib"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--prompts", type=int, default=100_000)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--people", type=int, default=1_000)
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aiplatform.settings")
    folder = Path(tempfile.mkdtemp(prefix="atrium-governance-"))
    site = Site(folder)
    os.environ["ALLOWED_HOSTS"] = "testserver,127.0.0.1"
    try:
        site.prepare()
        print(json.dumps(measure(site, folder, options)))
    finally:
        site.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
