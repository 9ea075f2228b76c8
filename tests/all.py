"""Every test: python -m tests.all

Two parts at once: the many fast ones with those that kill parts of a site, and those in a browser, which wait a lot.
What the browser's part says is held back until the other one has ended. Ends with one line about all of them, as
pytest writes it.

A few tests that fail are run once more, alone, so that a machine that stood still for a moment doesn't hold up a
change. Those that pass then are counted at the end as unsteady: each is a defect of a test or of the site, to be found.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.preloaded import forked
from tests.preloaded.running import preloaded_server

PROCESSES = min(8, 2 + len(os.sched_getaffinity(0)))
"""Two more than processors: tests wait for databases, workers and each other. Each process takes a GB or two."""
WORKERS = f"{PROCESSES}*popen//python={shlex.join([sys.executable, '-S', '-E', forked.__file__])}"
"""For pytest-xdist: these have torch and more loaded already."""
PARTS = {
    "fast and fault": (["--ignore=tests/e2e"], ["--tx", WORKERS, "--dist", "loadfile", "--no-loadscope-reorder"]),
    "browser": (["tests/e2e"], ["-n", "0"]),
}
"""Which tests, and how they are run. By folder, since whoever selects by marks has to load all tests first."""
NOTHING_TO_RUN = 5
SOME_FAILED = 1
MOST_TRIED_AGAIN = 4
AGAIN = ["--last-failed", "--last-failed-no-failures", "none", "-n", "0"]
COUNT = re.compile(r"(\d+) (passed|failed|skipped|errors?|xfailed|xpassed)")


class Part:
    """One pytest, begun at once; what it says is in a file."""

    def __init__(self, name: str, which: list[str], how: list[str], folder: Path) -> None:
        self._which, self._cache = which, folder / f"{name}-cache"
        self._output, self._temporary = folder / f"{name}.txt", folder / name.split()[0]
        self.name, self.counts = name, Counter[str]()
        self._begin([*which, *how])

    def _begin(self, options: list[str]) -> None:
        command = [sys.executable, "-m", "pytest", "--durations=10", "-o", f"cache_dir={self._cache}"]
        command.append(f"--basetemp={self._temporary}")  # pytest's own folder is shared by all runs on the machine
        environment = os.environ | {"PYTHONUNBUFFERED": "1"}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # or each of a hundred processes compiles the whole site again
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                [*command, *options, *sys.argv[1:]], stdout=output, stderr=output, env=environment
            )

    def finish(self) -> int:
        """Passes on what it says until it ends. Returns its exit status, and has `counts` of its closing line."""
        with self._output.open(encoding="utf-8", errors="replace") as output:
            while True:
                ended = self._process.poll() is not None
                print(output.read(), end="", flush=True)
                if ended:
                    break
                time.sleep(0.2)
        lines = self._output.read_text(encoding="utf-8", errors="replace").splitlines()
        last = next((line for line in reversed(lines) if " in " in line and COUNT.search(line)), "")
        self.counts = Counter({kind.removesuffix("s"): int(count) for count, kind in COUNT.findall(last)})
        return self._process.returncode

    @property
    def failed(self) -> int:
        return self.counts["failed"] + self.counts["error"]

    def again(self) -> int:
        """What failed, alone. Returns the exit status, and has `counts` as if only this had happened to them."""
        before = self.counts
        self._begin([*self._which, *AGAIN])
        status = self.finish()
        if status == 0:
            self.counts = before + self.counts
            del self.counts["failed"], self.counts["error"]
        else:
            self.counts = before
        return status


def main() -> int:
    """Returns the exit status: 0 where every part passed."""
    began, unsteady = time.monotonic(), 0
    with tempfile.TemporaryDirectory(prefix="atrium-all-") as folder, preloaded_server(Path(folder)):
        parts = [Part(name, *options, Path(folder)) for name, options in PARTS.items()]
        statuses = {}
        for part in parts:
            print(f"\n===== {part.name} tests =====", flush=True)
            statuses[part.name] = part.finish()
        for part in parts:
            failed = part.failed
            if statuses[part.name] == SOME_FAILED and failed <= MOST_TRIED_AGAIN:
                print(f"\n===== {failed} {part.name} tests failed and are run once more, alone =====", flush=True)
                statuses[part.name] = part.again()
                unsteady += 0 if statuses[part.name] else failed
    counts = sum((part.counts for part in parts), Counter[str]())
    said = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
    if unsteady:
        print(f"\n===== {unsteady} unsteady: failed among the others, passed alone; see above =====")
    print(f"\n===== {said or 'no tests ran'} in {time.monotonic() - began:.2f}s =====")
    return next((status for status in statuses.values() if status not in (0, NOTHING_TO_RUN)), 0)


if __name__ == "__main__":
    sys.exit(main())
