"""Failing and killing system calls one after the other, so that every point of a save is tried."""

import contextlib
import errno
import os

CALLS = ("open", "write", "fsync", "close", "replace", "rename", "mkdir", "ftruncate")
ERRORS = (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EACCES, errno.EINTR, errno.EROFS, errno.EMFILE, errno.ENAMETOOLONG)


@contextlib.contextmanager
def counted(monkeypatch, act, *, calls=CALLS):
    """Hands `act(n, name)` the number of every call before it happens; yields a list that holds the count."""
    count = [0]

    def wrap(name, real):
        def call(*arguments, **options):
            count[0] += 1
            if name == "close":
                real(*arguments, **options)  # a close that fails has closed all the same
            act(count[0], name)
            return None if name == "close" else real(*arguments, **options)

        return call

    with monkeypatch.context() as patch:
        for name in calls:
            patch.setattr(os, name, wrap(name, getattr(os, name)))
        yield count


def failing_at(number, error, *, lasting=False):
    def act(count, name):
        if count == number or (lasting and count > number and name in ("write", "fsync")):
            raise OSError(error, os.strerror(error))

    return act


def killed_at(monkeypatch, number, job):
    """Runs a job in a forked process that dies before its n-th call; False when it lived to the end."""
    child = os.fork()
    if child == 0:
        with counted(monkeypatch, lambda count, _: os._exit(9) if count == number else None):
            job()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
