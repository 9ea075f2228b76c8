"""What a site needs before it serves: one run of `manage.py prepare`, in a process that can be ended."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile

from aiplatform.supervisor.plan import CannotStart, Plan
from aiplatform.supervisor.terminal import say


class Preparation:
    """Runs from its construction on; ask `is_done`, then for the `link`."""

    def __init__(self, plan: Plan) -> None:
        say("preparing database, files and the first model")
        self._output = tempfile.TemporaryFile("w+")  # noqa: SIM115  (read when the process has ended)
        self._process = subprocess.Popen(
            [sys.executable, "manage.py", "prepare", "--json"],
            cwd=plan.root,
            env=plan.environment,
            stdout=self._output,
            start_new_session=True,
        )

    def is_done(self) -> bool:
        return self._process.poll() is not None

    def link(self) -> str:
        """The sign-in link of the first administrator, "" where none was made. Raises CannotStart."""
        if self._process.returncode:
            raise CannotStart("The site could not be prepared; the reason stands above.")
        self._output.seek(0)
        return str(json.loads(self._output.read().splitlines()[-1])["sign_in_link"])

    def stop(self) -> None:
        if not self.is_done():
            self._process.terminate()
            self._process.wait()
        self._output.close()
