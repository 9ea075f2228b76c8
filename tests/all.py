"""Every test, in the order in which a failure costs least: python -m tests.all

First the many fast ones and, beside them, those that kill parts of a site; then those in a browser, alone on the
machine since they measure time. Ends with one line about all of them, as pytest writes it.

A few tests that fail are run once more, alone, so that a machine that stood still for a moment doesn't hold up a
change. Those that pass then are counted at the end as unsteady: each is a defect of a test or of the site, to be found.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time

PARTS = {
    "fast and fault": ["-m", "not e2e", "-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"],
    "browser": ["-m", "e2e", "-n", "0"],
}
NOTHING_TO_RUN = 5
SOME_FAILED = 1
MOST_TRIED_AGAIN = 4
AGAIN = ["--last-failed", "--last-failed-no-failures", "none", "-n", "0"]
COUNT = re.compile(r"(\d+) (passed|failed|skipped|errors?|xfailed|xpassed|deselected|warnings?)")
COUNTED = ("failed", "passed", "skipped", "xfailed", "xpassed", "error")


def main() -> int:
    """Returns the exit status: 0 where every part passed."""
    began, counts, status, unsteady = time.monotonic(), dict.fromkeys(COUNTED, 0), 0, 0
    for name, options in PARTS.items():
        print(f"\n===== {name} tests =====", flush=True)
        part, counted = _run(options)
        failed = counted["failed"] + counted["error"]
        if part == SOME_FAILED and failed <= MOST_TRIED_AGAIN:
            print(f"\n===== {failed} of them failed and are run once more, alone =====", flush=True)
            part, again = _run([*options[:2], *AGAIN])
            if part == 0:
                unsteady += failed
                counted |= {"failed": 0, "error": 0, "passed": counted["passed"] + again["passed"]}
        status = status or (0 if part == NOTHING_TO_RUN else part)
        counts = {kind: counts[kind] + counted[kind] for kind in COUNTED}
    said = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
    if unsteady:
        print(f"\n===== {unsteady} unsteady: failed among the others, passed alone; see above =====")
    print(f"\n===== {said or 'no tests ran'} in {time.monotonic() - began:.2f}s =====")
    return status


def _run(options: list[str]) -> tuple[int, dict[str, int]]:
    """One pytest, its output passed on as it comes: its exit status, and the counts of its closing line."""
    command = [sys.executable, "-m", "pytest", "--durations=10", *options, *sys.argv[1:]]
    last = ""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"}
    ) as run:
        assert run.stdout
        for line in run.stdout:
            print(line, end="", flush=True)
            if " in " in line and COUNT.search(line):
                last = line
    counts = dict.fromkeys(COUNTED, 0)
    for number, kind in COUNT.findall(last):
        kind = kind.rstrip("s") if kind.startswith("error") else kind
        if kind in counts:
            counts[kind] += int(number)
    return run.returncode, counts


if __name__ == "__main__":
    sys.exit(main())
