"""What is done later is done, or called off, and neither waits for a lock that the code beneath it holds."""

import threading
import time

from thalweg.core.later import Later


def test_it_is_done_later_and_not_at_once():
    done = threading.Event()
    Later(0.05, done.set).start()
    assert not done.is_set()
    assert done.wait(20)


def test_what_is_called_off_is_not_done():
    done = threading.Event()
    later = Later(0.05, done.set)
    later.start()
    later.call_off()
    later.call_off()
    assert not done.wait(0.3)


def test_what_is_under_way_has_ended_once_it_is_called_off():
    begun, done = threading.Event(), []

    def act():
        begun.set()
        time.sleep(0.2)
        done.append(True)

    later = Later(0, act)
    later.start()
    assert begun.wait(20)
    later.call_off()
    assert done == [True]
