"""Every test, in the order in which a failure costs least: python -m tests.all

First the many fast ones and, beside them, those that kill parts of a site; then those in a browser, alone on the
machine since they measure time. Ends with one line about all of them, as pytest writes it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time

PARTS = {
    "fast and fault": ["-m", "not e2e", "-n", "2", "--dist", "loadfile"],
    "browser": ["-m", "e2e", "-n", "0"],
}
NOTHING_TO_RUN = 5
COUNT = re.compile(r"(\d+) (passed|failed|skipped|errors?|xfailed|xpassed|deselected|warnings?)")
COUNTED = ("failed", "passed", "skipped", "xfailed", "xpassed", "error")


def main() -> int:
    """Returns the exit status: 0 where every part passed."""
    began, counts, status = time.monotonic(), dict.fromkeys(COUNTED, 0), 0
    for name, options in PARTS.items():
        print(f"\n===== {name} tests =====", flush=True)
        part = _run(options, counts)
        status = status or (0 if part == NOTHING_TO_RUN else part)
    said = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
    print(f"\n===== {said or 'no tests ran'} in {time.monotonic() - began:.2f}s =====")
    return status


def _run(options: list[str], counts: dict[str, int]) -> int:
    """One pytest, its output passed on as it comes; its closing line is added to `counts`."""
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
    for number, kind in COUNT.findall(last):
        kind = kind.rstrip("s") if kind.startswith("error") else kind
        if kind in counts:
            counts[kind] += int(number)
    return run.returncode


if __name__ == "__main__":
    sys.exit(main())
