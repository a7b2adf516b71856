"""Job runner: order, failure, cancel, and nothing after close."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from boneage_desk.common.errors import Cancelled, FilmError
from boneage_desk.ui.jobs import BACKGROUND, URGENT, JobRunner

pytestmark = pytest.mark.gui


@pytest.fixture
def runner(qapp) -> Iterator[JobRunner]:
    made = JobRunner()
    yield made
    assert made.close()


class Heard:
    def __init__(self) -> None:
        self.said: list[tuple[str, object]] = []
        self.thread: threading.Thread | None = None

    def result(self, value: object) -> None:
        self.thread = threading.current_thread()
        self.said.append(("result", value))

    def failed(self, error: BaseException) -> None:
        self.said.append(("failed", error))

    def cancelled(self) -> None:
        self.said.append(("cancelled", None))


def submit(runner: JobRunner, heard: Heard, work, lane: str = "films", **more):
    return runner.submit(
        lane, "work", work, on_result=heard.result, on_failed=heard.failed, on_cancelled=heard.cancelled, **more
    )


def test_the_result_arrives_on_the_gui_thread(qtbot, runner):
    heard, threads = Heard(), []
    submit(runner, heard, lambda _t, _p: threads.append(threading.current_thread()) or 7)
    qtbot.waitUntil(lambda: bool(heard.said))
    assert heard.said == [("result", 7)]
    assert heard.thread is threading.main_thread()
    assert threads[0] is not threading.main_thread()
    assert runner.jobs == ()


def test_an_error_arrives_as_it_was_raised(qtbot, runner):
    heard, error = Heard(), FilmError("no film")

    def work(_token, _progress):
        raise error

    submit(runner, heard, work)
    qtbot.waitUntil(lambda: bool(heard.said))
    assert heard.said == [("failed", error)]


def test_a_result_that_comes_after_cancel_is_dropped(qtbot, runner):
    heard, going, go = Heard(), threading.Event(), threading.Event()

    def work(_token, _progress):
        going.set()
        go.wait(5)
        return "too late"

    job = submit(runner, heard, work)
    assert going.wait(5)
    job.cancel()
    go.set()
    qtbot.waitUntil(lambda: bool(heard.said))
    assert heard.said == [("cancelled", None)]


def test_a_result_on_its_way_when_cancel_is_pressed_is_dropped(qtbot, runner):
    """The token is looked at again at delivery: the work had returned, the event loop had not."""
    heard, gone = Heard(), threading.Event()
    job = submit(runner, heard, lambda _t, _p: gone.set())
    assert gone.wait(5)
    job.cancel()
    qtbot.waitUntil(lambda: bool(heard.said))
    assert heard.said == [("cancelled", None)]


def test_work_that_notices_the_cancel_counts_as_cancelled_not_failed(qtbot, runner):
    heard = Heard()

    def work(_token, _progress):
        raise Cancelled()

    submit(runner, heard, work)
    qtbot.waitUntil(lambda: bool(heard.said))
    assert heard.said == [("cancelled", None)]


def test_a_lane_keeps_its_order_and_urgent_jobs_go_first(qtbot, runner):
    heard, going, start = Heard(), threading.Event(), threading.Event()
    submit(runner, heard, lambda _t, _p: going.set() or (start.wait(5) and "first"))
    assert going.wait(5)
    submit(runner, heard, lambda _t, _p: "background", priority=BACKGROUND)
    submit(runner, heard, lambda _t, _p: "second")
    submit(runner, heard, lambda _t, _p: "third")
    submit(runner, heard, lambda _t, _p: "urgent", priority=URGENT)
    start.set()
    qtbot.waitUntil(lambda: len(heard.said) == 5)
    assert [value for _, value in heard.said] == ["first", "urgent", "second", "third", "background"]


def test_lanes_do_not_wait_for_each_other(qtbot, runner):
    heard, hold = Heard(), threading.Event()
    submit(runner, heard, lambda _t, _p: hold.wait(5), lane="engine")
    submit(runner, heard, lambda _t, _p: "store", lane="store")
    qtbot.waitUntil(lambda: heard.said == [("result", "store")])
    hold.set()
    qtbot.waitUntil(lambda: len(heard.said) == 2)


def test_progress_arrives_and_stops_after_cancel(qtbot, runner):
    heard, told, go = Heard(), [], threading.Event()

    def work(_token, progress):
        progress(0.25, "finding bones")
        go.wait(5)
        progress(0.75, "grading")

    job = submit(runner, heard, work, on_progress=lambda job: told.append((job.share, job.step)))
    qtbot.waitUntil(lambda: bool(told))
    assert told == [(0.25, "finding bones")]
    job.cancel()
    go.set()
    qtbot.waitUntil(lambda: bool(heard.said))
    assert len(told) == 1


def test_nothing_is_delivered_after_close(qtbot, qapp):
    runner, heard, going, go = JobRunner(), Heard(), threading.Event(), threading.Event()

    def work(token, _progress):
        going.set()
        go.wait(5)
        return 1

    job = submit(runner, heard, work)
    assert going.wait(5)
    threading.Timer(0.05, go.set).start()
    assert runner.close()
    assert job.token.cancelled
    qtbot.wait(20)
    assert heard.said == []
    with pytest.raises(RuntimeError):
        submit(runner, heard, work)


def test_an_error_in_a_callback_does_not_keep_the_job_in_the_list(qtbot, runner):
    def broken(_value):
        raise ValueError("a bug in the window")

    runner.submit("films", "work", lambda _t, _p: 1, on_result=broken, on_failed=broken)
    with qtbot.captureExceptions() as caught:
        qtbot.waitUntil(lambda: not runner.jobs)
        qtbot.waitUntil(lambda: bool(caught))
    assert isinstance(caught[0][1], ValueError)


def test_a_job_that_ended_holds_nothing(qtbot, runner):
    """Its closures may hold a film of a hundred megabytes."""
    import gc
    import weakref

    class Film:
        pass

    film = Film()
    gone = weakref.ref(film)
    heard = Heard()
    runner.submit("films", "x", lambda _t, _p, film=film: None, on_result=heard.result, on_failed=heard.failed)
    qtbot.waitUntil(lambda: bool(heard.said))
    del film
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("listens", [True, False], ids=["broken off", "was done already"])
def test_a_job_that_gives_way_makes_room_for_one_of_more_haste(qtbot, runner, listens):
    """Its result, where it has one all the same, is not lost."""
    heard, hasty, begun, go = Heard(), Heard(), threading.Event(), threading.Event()

    def slow(token, _progress):
        begun.set()
        assert go.wait(5)
        if listens:
            token.check()
        return "slow"

    job = submit(runner, heard, slow, priority=BACKGROUND, gives_way=True)
    assert begun.wait(5)
    submit(runner, heard, lambda _t, _p: "same haste", priority=BACKGROUND)
    assert not job.gave_way
    submit(runner, hasty, lambda _t, _p: "hasty", lane="another")
    assert not job.gave_way, "another lane"
    submit(runner, hasty, lambda _t, _p: "hasty")
    assert job.gave_way and job.token.cancelled
    go.set()
    qtbot.waitUntil(lambda: not runner.jobs)
    assert heard.said[0] == (("cancelled", None) if listens else ("result", "slow"))
    assert hasty.said == [("result", "hasty"), ("result", "hasty")]


def test_a_job_that_does_not_give_way_is_left_alone(qtbot, runner):
    heard, go = Heard(), threading.Event()
    submit(runner, heard, lambda _t, _p: go.wait(5), priority=BACKGROUND)
    submit(runner, heard, lambda _t, _p: "urgent", priority=URGENT)
    go.set()
    qtbot.waitUntil(lambda: not runner.jobs)
    assert sorted(str(value) for _, value in heard.said) == ["True", "urgent"]
