"""Files of pictures are written beside the engine's thread, and what is told of a request stays in order."""

from __future__ import annotations

import gc
import random
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic, sleep

import pytest
from PIL import Image

from engine.image import encoding as files
from engine.image import orders
from engine.image.encoding import Encoding, File
from engine.image.pixels import to_png
from engine.service import EngineThread
from engine.source import FolderSource
from engine.ticket import ImageTicket
from engine.types import Event, FinishEvent, FinishReason, ImageEvent, ImageRequest, ProgressEvent
from tests.engine.image.bench import Bench
from tests.engine.image.drawing import Watcher, draw, params
from tests.engine.recorder import GREEDY, submit
from tests.engine.started import started_engines

Make = Callable[..., EngineThread]
MODEL = "stable-diffusion"
SMALL = File(b"png", 1, 1, "digest")


class Gate:
    """Files of finished pictures are written as ever, but not before it opens."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.reached = threading.Semaphore(0)

    def __call__(self, picture: Image.Image) -> tuple[bytes, str]:
        self.reached.release()
        assert self.open.wait(60)
        return to_png(picture)

    def wait(self) -> None:
        """Until somebody stands before it."""
        assert self.reached.acquire(timeout=60)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    gate = Gate()
    monkeypatch.setattr(orders, "to_png", gate)
    yield gate
    gate.open.set()


@pytest.fixture
def encoding() -> Iterator[Encoding]:
    encoding = Encoding(threads=2)
    yield encoding
    encoding.close(0)


def asked(request_id: str = "one", on_event: Callable[[Event], None] | None = None) -> tuple[ImageTicket, Watcher]:
    """One that was begun and has made its first step of 100."""
    watcher = Watcher(request_id, on_event)
    ticket = ImageTicket(ImageRequest(request_id, "m", params()), watcher, lambda _ticket: None)
    ticket.started()
    ticket.stepped(1, 100)
    return ticket, watcher


# --- in the engine --------------------------------------------------------------------------------------------------


def test_others_are_drawn_while_a_picture_is_written(drawer: EngineThread, gate: Gate) -> None:
    first = draw(drawer, MODEL, params(), "first")
    gate.wait()
    second = draw(drawer, MODEL, params(steps=20), "second")
    end = monotonic() + 60
    while len(second.steps) < 20 and monotonic() < end:
        sleep(0.01)
    assert len(second.steps) == 20
    assert not first.of(ImageEvent)
    assert drawer.metrics().running >= 1, "it isn't waiting for its turn any more"
    assert drawer.unfinished() == 2
    gate.open.set()
    first.picture()
    second.picture()
    assert drawer.unfinished() == 0


def test_the_file_is_that_of_its_pixels_and_its_writing_costs_no_device_time(
    drawer: EngineThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw(drawer, MODEL, params(), "warm").picture()
    monkeypatch.setattr(orders, "to_png", lambda picture: (sleep(0.5), to_png(picture))[1])
    watcher = draw(drawer, MODEL, params())
    pixels, last = watcher.picture(), watcher.finish()
    (event,) = watcher.of(ImageEvent)
    assert (event.png, event.pixels_sha256) == to_png(Image.fromarray(pixels))
    assert last.usage.decode_ms is not None
    assert last.usage.device_ms + 400 < last.usage.decode_ms


def test_one_that_is_cancelled_while_it_is_written_ends_so_once(drawer: EngineThread, gate: Gate) -> None:
    watcher = draw(drawer, MODEL, params())
    gate.wait()
    drawer.cancel("one")
    assert watcher.finish().reason == FinishReason.CANCELLED
    again = draw(drawer, MODEL, params(steps=1))  # of the same id, while the first is still being written
    gate.open.set()
    again.picture()
    assert ImageEvent not in watcher.kinds
    watcher.finish()


def test_a_deadline_that_passes_while_it_is_written_loses_no_picture(drawer: EngineThread, gate: Gate) -> None:
    watcher = draw(drawer, MODEL, params(), deadline_seconds=1.0)
    gate.wait()
    sleep(1.1)
    other = draw(drawer, MODEL, params(), "other", previews=False)
    gate.open.set()
    watcher.picture()
    other.picture()


@pytest.mark.parametrize("family", ["stable-diffusion", "pixart-sigma"])
def test_what_is_being_written_keeps_no_model_in_memory(
    pipelines: dict[str, Path], whole_pipelines: dict[str, Path], checkpoints: dict[str, Path], gate: Gate, family: str
) -> None:
    folders = {family: (pipelines | whole_pipelines)[family], "Llama": checkpoints["Llama"]}
    with started_engines(max_context=512, max_resident=1) as start:
        engine = start(folders)
        watcher = draw(engine, family, params())
        gate.wait()
        model = engine._residency.engines[family]._model
        network = model.family.network if family == MODEL else model.parts["transformer"]
        gone = weakref.ref(network)
        del model, network
        submit(engine, "Llama", [1, 2, 3], GREEDY, "text").finish()
        assert engine.loaded() == ("Llama",)
        gc.collect()
        assert gone() is None
        assert ImageEvent not in watcher.kinds
        gate.open.set()
        watcher.picture()


def test_what_is_drawn_when_the_engine_stops_is_told(make_drawer: Make, gate: Gate) -> None:
    engine = make_drawer()
    watcher = draw(engine, MODEL, params())
    gate.wait()
    other = draw(engine, MODEL, params(steps=100), "other")
    threading.Timer(0.3, gate.open.set).start()
    engine.stop(drain_seconds=0)
    watcher.picture()
    assert other.finish().error_code == "shutdown"


def test_draining_waits_for_what_is_being_written(make_drawer: Make, gate: Gate) -> None:
    engine = make_drawer()
    watcher = draw(engine, MODEL, params())
    gate.wait()
    threading.Timer(0.3, gate.open.set).start()
    began = monotonic()
    engine.stop(drain_seconds=30)
    assert monotonic() - began < 10
    watcher.picture()


def test_nobody_waits_for_ever_for_a_file_when_the_engine_stops(
    make_drawer: Make, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.service.WRITING_SECONDS", 0.1)
    engine = make_drawer()
    watcher = draw(engine, MODEL, params())
    gate.wait()
    engine.stop(drain_seconds=0)
    assert watcher.finish().error_code == "shutdown"
    gate.open.set()
    sleep(0.1)
    watcher.finish()  # and nothing came after that


def test_what_is_drawn_when_the_engine_dies_is_told(
    make_drawer: Make, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = make_drawer()
    watcher = draw(engine, MODEL, params())
    gate.wait()
    threading.Timer(0.3, gate.open.set).start()

    def die(*_: object) -> None:
        raise SystemExit("the device is gone")

    monkeypatch.setattr(engine._residency, "advance", die)
    other = draw(engine, MODEL, params(), "other")
    assert other.finish().error_code == "lost"
    watcher.picture()


def test_one_whose_file_can_not_be_written_fails_alone(drawer: EngineThread, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(picture: Image.Image) -> tuple[bytes, str]:
        raise next(errors)

    errors = iter([OSError("encoder error"), MemoryError()])
    with monkeypatch.context() as patched:
        patched.setattr(orders, "to_png", broken)
        codes = [draw(drawer, MODEL, params(), name).finish().error_code for name in ("broken", "short")]
    assert codes == ["internal", "out_of_memory"]
    draw(drawer, MODEL, params(), "next").picture()
    assert drawer.unfinished() == 0


def test_a_preview_that_can_not_be_written_is_left_out(drawer: EngineThread, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the reason, no picture ends by it."""
    errors = iter([OSError("encoder error"), MemoryError()])

    def broken(*_: object) -> bytes:
        raise next(errors, MemoryError())

    monkeypatch.setattr("engine.image.preview.to_preview", broken)
    watcher = draw(drawer, MODEL, params(steps=100))
    watcher.picture()
    assert not watcher.previews
    assert watcher.finish().usage.ttft_ms is None
    assert drawer.metrics().running == 0


def test_with_many_pictures_to_be_written_no_other_is_begun(
    pipelines: dict[str, Path], gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MOST_PICTURES", 3)
    bench = Bench(pipelines[MODEL], FolderSource(), max_pictures=1)
    watchers = [bench.add(params(steps=1, seed=seed)) for seed in range(5)]
    bench.until(lambda: sum(bool(watcher.steps) for watcher in watchers) == 3)
    for _ in range(3):
        bench.engine.step()
    assert [len(watcher.steps) for watcher in watchers].count(1) == 3
    assert (bench.engine.running, bench.engine.waiting) == (0, 2)
    gate.open.set()
    bench.run()
    for watcher in watchers:
        watcher.picture()


# --- alone ----------------------------------------------------------------------------------------------------------


def test_a_preview_that_comes_after_the_end_is_left_out(encoding: Encoding) -> None:
    ticket, watcher = asked()
    writing, ended = threading.Event(), threading.Event()

    def late() -> bytes:
        writing.set()
        assert ended.wait(60)
        return b"webp"

    encoding.preview(ticket, late)
    assert writing.wait(60)
    encoding.picture(ticket, lambda: SMALL)
    watcher.finish()
    ended.set()
    encoding.close(1)
    sleep(0.05)
    assert watcher.finish().reason == FinishReason.STOP
    assert not watcher.previews


def test_nothing_of_a_request_is_told_between_two_that_tell_it(encoding: Encoding) -> None:
    """An end that is told while a preview is on its way comes behind it, and so does a step."""
    meanwhile: list[threading.Thread] = []

    def others(event: Event) -> None:
        if isinstance(event, ProgressEvent) and event.preview:
            for tell in (lambda: ticket.stepped(2, 100), lambda: ticket.finish(FinishReason.CANCELLED)):
                meanwhile.append(threading.Thread(target=tell))
                meanwhile[-1].start()
            sleep(0.2)
            seen.append(list(watcher.events))

    seen: list[list[Event]] = []
    ticket, watcher = asked(on_event=others)
    encoding.preview(ticket, lambda: b"webp")
    watcher.finish()
    for thread in meanwhile:
        thread.join()
    assert [type(event) for event in seen[0]][-1] is ProgressEvent
    assert [event.step for event in watcher.steps] in ([1], [1, 2])


def test_a_preview_that_fails_ends_no_picture_that_is_drawn(encoding: Encoding) -> None:
    ticket, watcher = asked()
    failed, drawn = threading.Event(), threading.Event()

    def little() -> bytes:
        assert drawn.wait(60)
        failed.set()
        raise MemoryError

    def written() -> File:
        drawn.set()
        assert failed.wait(60)
        sleep(0.05)
        return SMALL

    encoding.preview(ticket, little)
    encoding.picture(ticket, written)
    assert watcher.finish().reason == FinishReason.STOP


def test_a_preview_tells_the_newest_step(encoding: Encoding) -> None:
    ticket, watcher = asked()
    ready = threading.Event()
    encoding.preview(ticket, lambda: b"webp" if ready.wait(60) else b"")
    ticket.stepped(2, 100)
    assert not encoding.takes_preview(ticket), "one after the other"
    ready.set()
    encoding.picture(ticket, lambda: (sleep(0.2), SMALL)[1])
    watcher.finish()
    assert [event.step for event in watcher.previews] == [2]


def test_pictures_are_worth_more_than_previews(encoding: Encoding) -> None:
    (ticket, _), waiting, ready = asked("preview"), [asked(str(number)) for number in range(2)], threading.Event()
    assert encoding.takes_preview(ticket)
    for other, _watcher in waiting:
        encoding.picture(other, lambda: (ready.wait(60), SMALL)[1])
    assert (len(encoding), encoding.takes_preview(ticket)) == (2, False)
    ready.set()
    for _, watcher in waiting:
        watcher.finish()
    end = monotonic() + 60
    while len(encoding) and monotonic() < end:
        sleep(0.01)
    assert encoding.takes_preview(ticket)


def test_once_closed_it_writes_in_the_thread_that_asks(encoding: Encoding) -> None:
    encoding.close(0)
    ticket, watcher = asked()
    encoding.picture(ticket, lambda: SMALL)
    assert isinstance(watcher.events[-1], FinishEvent)


def test_whatever_comes_at_once_every_request_ends_once(encoding: Encoding) -> None:
    chance = random.Random(3)

    def life(number: int) -> Watcher:
        ticket, watcher = asked(str(number))
        for step in range(2, 12):
            ticket.stepped(step, 100)
            if encoding.takes_preview(ticket):
                encoding.preview(ticket, lambda: b"webp")
            if number % 3 == 0 and step == 6:
                threading.Thread(target=ticket.finish, args=(FinishReason.CANCELLED,)).start()
        if number % 5 == 0:
            threading.Timer(chance.random() / 500, encoding.cancel, (str(number),)).start()
        encoding.picture(ticket, lambda: SMALL)
        return watcher

    with ThreadPoolExecutor(8) as lives:
        watchers = list(lives.map(life, range(200)))
    reasons = {watcher.finish().reason for watcher in watchers}
    assert reasons == {FinishReason.STOP, FinishReason.CANCELLED}
    encoding.close(5)
    assert not len(encoding)
    for watcher in watchers:
        watcher.finish()
        assert len(watcher.of(ImageEvent)) == (watcher.finish().reason == FinishReason.STOP)
