"""Work behind the caller's back is done in order, whole, and its failure is told once."""

import threading
import time

import pytest

from thalweg.core.behind import BRIEFLY, Behind


class Held:
    """Work that lasts until it is let go, and then may fail."""

    def __init__(self, failing: Exception | None = None) -> None:
        self.failing, self.done = failing, False
        self.go, self.begun = threading.Event(), threading.Event()

    def __call__(self) -> None:
        self.begun.set()
        assert self.go.wait(30)
        if self.failing is not None:
            raise self.failing
        self.done = True


def test_the_caller_goes_on_while_work_lasts_and_waits_when_it_asks_for_the_result():
    behind, work = Behind(), Held()
    behind.start(work)
    assert work.begun.wait(30)
    assert behind.busy
    work.go.set()
    behind.wait()
    assert work.done
    assert not behind.busy


def test_a_second_piece_begins_when_the_first_is_done():
    behind, first, order = Behind(), Held(), []
    behind.start(first)
    threading.Timer(0.05, first.go.set).start()
    behind.start(lambda: order.append(first.done))
    behind.wait()
    assert order == [True]


def test_a_failure_is_raised_once_and_ends_what_comes_after_it():
    behind, work = Behind(), Held(OSError("full"))
    work.go.set()
    behind.start(work)
    with pytest.raises(OSError, match="full"):
        behind.start(lambda: pytest.fail("begun after a failure"))
    behind.check()
    behind.wait()


def test_at_the_end_of_a_block_all_is_done_and_a_failure_is_told():
    behind, work = Behind(), Held(OSError("full"))
    work.go.set()
    with pytest.raises(OSError, match="full"), behind.done_at_end():
        behind.start(work)


def test_an_error_in_a_block_waits_for_the_work_and_is_what_is_told():
    behind, work = Behind(), Held(OSError("full"))
    threading.Timer(0.05, work.go.set).start()
    behind.start(work)
    with pytest.raises(ValueError, match="of the step"), behind.done_at_end():
        raise ValueError("of the step")
    assert not behind.busy


def test_who_is_told_to_quit_at_once_does_not_wait_for_a_disk_that_hangs():
    behind, work = Behind(), Held()
    behind.start(work)
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt), behind.done_at_end():
        raise KeyboardInterrupt
    assert time.monotonic() - began < BRIEFLY + 5
    work.go.set()


def test_without_further_threads_the_caller_does_the_work(monkeypatch):
    def refused(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refused)
    behind, done = Behind(), []
    behind.start(lambda: done.append(threading.current_thread()))
    assert done == [threading.main_thread()]
    with pytest.raises(ZeroDivisionError):
        behind.start(lambda: 1 // 0)
