"""python -m tests.preloaded.server SOCKET: loads, and forks a process for each order that comes to that descriptor.

An order is one message: JSON of `arguments`, `environment` and `leads` (whether it leads a group of processes),
with the three standard streams. The answer is the number of the process, and once it has ended its exit
status. Ends when its own standard input does, which whoever started it holds.
"""

from __future__ import annotations

import atexit
import json
import os
import runpy
import select
import signal
import socket
import sys
import threading
import traceback
from types import ModuleType
from typing import Any, NoReturn

from tests.preloaded.modules import load

LONGEST = 1 << 20
"""Bytes of an order: much of it is the environment."""


def main(descriptor: int) -> None:
    listening = socket.socket(fileno=descriptor)
    load()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that keep the forked ones
    while True:
        ready, _, _ = select.select([listening, sys.stdin], [], [])
        if sys.stdin in ready:
            return
        caller, _ = listening.accept()
        if os.fork() == 0:
            listening.close()
            _keep(caller)
        caller.close()


def _keep(caller: socket.socket) -> NoReturn:
    """Tell the caller about the process that was ordered."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    message, streams, _, _ = socket.recv_fds(caller, LONGEST, 3)
    process = os.fork()
    if process == 0:
        caller.close()
        _become(json.loads(message), streams)
    caller.send(str(process).encode())
    _, status = os.waitpid(process, 0)
    caller.send(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _become(order: dict[str, Any], streams: list[int]) -> NoReturn:
    """Do what `python ARGUMENTS` does."""
    if order["leads"]:
        os.setsid()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(order["environment"])
    status = 0
    try:
        _run([each for each in order["arguments"] if each != "-u"])
    except SystemExit as asked:
        status = asked.code if isinstance(asked.code, int) else int(asked.code is not None)
    except BaseException:
        traceback.print_exc()
        status = 1
    # As the interpreter ends, but for taking apart all that is loaded, which takes a second.
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _run(arguments: list[str]) -> None:
    kind, what, *rest = arguments
    if kind == "-m":
        sys.argv = [what, *rest]
        runpy.run_module(what, run_name="__main__", alter_sys=True)
        return
    assert kind == "-c", arguments
    sys.argv = [kind, *rest]
    sys.modules["__main__"] = main = ModuleType("__main__")
    exec(what, main.__dict__)


if __name__ == "__main__":
    main(int(sys.argv[1]))
