"""Work that is one long call, done a piece at a time by whoever asks for the next piece.

The call runs in a thread of its own, but only while `advance` waits for it: at any moment just one of the two threads
does something. So a pipeline that knows no steps from outside gives the device back after each of them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import torch

from engine.config import EngineConfig
from engine.device import prepare_thread

LOOK_SECONDS = 5.0
"""How often a waiting call looks whether somebody is there to go on with it."""


class Ended(BaseException):
    """Raised in the call at the place where it waits: nobody wants the rest. No Exception, so that no library that
    catches those goes on."""


class ByTurns:
    """work: gets `pause`, which it calls where it can wait. Used by one thread, the owner."""

    def __init__(self, work: Callable[[Callable[[], None]], Any], config: EngineConfig) -> None:
        self._work, self._config = work, config
        self._go, self._paused = threading.Semaphore(0), threading.Semaphore(0)
        self._owner = threading.current_thread()
        self._thread = threading.Thread(target=self._run, name="picture-as-a-whole", daemon=True)
        self._ending = False
        self._error: BaseException | None = None
        self.over = False
        """Whether the call has returned, or raised."""
        self.result: Any = None
        """What it returned."""

    def advance(self) -> None:
        """Until the next pause, or the end. Raises what the call raises."""
        if self._thread.ident is None:
            self._thread.start()
        self._go_on()
        if self._error is not None:
            try:
                raise self._error
            finally:  # its traceback holds all that the call had computed
                self._error = None

    def end(self) -> None:
        """Leave the call where it is; returns when it is gone, with all that it held."""
        if self._thread.ident is not None and not self.over:
            self._ending = True
            self._go_on()
        self.over = True

    def _go_on(self) -> None:
        self._go.release()
        self._paused.acquire()
        if self.over:
            self._thread.join()

    def _run(self) -> None:
        try:
            prepare_thread(self._config)
            with torch.inference_mode():
                self._wait()
                self.result = self._work(self._pause)
        except Ended:
            pass
        except BaseException as error:
            self._error = error
        finally:
            self.over = True
            del self._work  # it may hold much, and this thread's object lives a little longer
            self._paused.release()

    def _pause(self) -> None:
        self._paused.release()
        self._wait()

    def _wait(self) -> None:
        while not self._go.acquire(timeout=LOOK_SECONDS):
            if not self._owner.is_alive():  # it stopped in the middle of a picture
                raise Ended
        if self._ending:
            raise Ended
