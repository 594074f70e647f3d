"""A pickle read as what it is, a list of steps that put plain values together: nothing that it names is imported or called.

Python's own reader does what a pickle says. This one keeps numbers, texts, lists, tuples and dicts, asks `described` what
stands for each name, and refuses a name that is not known there. So there is no function here that a file could reach, and a
tensor is only told: of which storage, from where, in which form.

Reference: the steps of all protocols, pickletools in Python's library.
"""

import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any, NoReturn

from thalweg.core.foreign.described import Storage, UnknownName, called, named, stored

FREE_STEPS, BYTES_PER_STEP = 500_000, 8
"""A pickle may have so many steps, and one more for so many of its bytes; more only where it tells of many storages."""
STEPS_PER_STORAGE = 200
CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
MAKERS: dict[str, Callable[[], Any]] = {"EMPTY_LIST": list, "EMPTY_DICT": dict, "EMPTY_TUPLE": tuple, "EMPTY_SET": list}
LITERALS = {
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "UNICODE", "BINUNICODE",
    "SHORT_BINUNICODE", "BINUNICODE8", "STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8",
}  # fmt: skip
NOTHING = {"PROTO", "FRAME"}


class Malformed(Exception):
    """What a file holds is no pickle, or one that no program writes."""


@dataclass(frozen=True)
class Read:
    """The value that a pickle stands for, and the storages that it speaks of."""

    value: Any
    storages: list[Storage]


def read_inert(file: IO[bytes], *, size: int, storages: int = 0) -> Read:
    """The pickle that begins here; the file then stands behind it.

    Args:
        size: bytes that it may have.
        storages: how many storages the file holds for it.

    Raises:
        Malformed: it is cut off, or its steps make no sense.
        UnknownName: it names a class or function that weights do not need.
    """
    reading = _Reading()
    most = FREE_STEPS + size // BYTES_PER_STEP + STEPS_PER_STORAGE * storages
    try:
        for count, (step, argument, _) in enumerate(pickletools.genops(file)):
            if count > most:
                raise Malformed(f"a pickle of more than {most:,} steps")
            if step.name == "STOP":
                return Read(reading.stack.pop(), reading.storages)
            reading.take(step.name, argument)
    except (Malformed, UnknownName):
        raise
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, UnicodeError, AttributeError):
        raise Malformed("a pickle that is cut off or makes no sense") from None
    raise Malformed("a pickle without an end")


class _Reading:
    """The stack, the marks and the memory of one pickle."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memory: dict[int, Any] = {}
        self.storages: list[Storage] = []

    def take(self, step: str, argument: Any) -> None:
        if step in LITERALS:
            self.stack.append(argument)
        elif step in CONSTANTS:
            self.stack.append(CONSTANTS[step])
        elif step in MAKERS:
            self.stack.append(MAKERS[step]())
        elif step not in NOTHING:
            act = STEPS.get(step)
            if act is None:
                raise Malformed(f"a pickle with the step {step}, which no file of weights needs")
            act(self, argument)

    def since_mark(self) -> list[Any]:
        begin = self.marks.pop()
        taken = self.stack[begin:]
        del self.stack[begin:]
        return taken

    def mark(self, _: Any) -> None:
        self.marks.append(len(self.stack))

    def pop(self, _: Any) -> None:
        if self.marks and self.marks[-1] == len(self.stack):
            self.marks.pop()
        else:
            self.stack.pop()

    def remember(self, place: int | None) -> None:
        self.memory[len(self.memory) if place is None else place] = self.stack[-1]

    def recall(self, place: int) -> None:
        self.stack.append(self.memory[place])

    def append(self, _: Any) -> None:
        _extend(self.stack[-2], [self.stack.pop()])

    def appends(self, _: Any) -> None:
        _extend(self.stack[self.marks[-1] - 1], self.since_mark())

    def set_item(self, _: Any) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        _update(self.stack[-1], [key, value])

    def set_items(self, _: Any) -> None:
        taken = self.since_mark()
        _update(self.stack[-1], taken)

    def whole_list(self, _: Any) -> None:
        self.stack.append(self.since_mark())

    def whole_tuple(self, _: Any) -> None:
        self.stack.append(tuple(self.since_mark()))

    def short_tuple(self, count: int) -> None:
        if len(self.stack) < count:
            _refuse("takes more than there is")
        taken = tuple(self.stack[-count:])
        del self.stack[-count:]
        self.stack.append(taken)

    def whole_dict(self, _: Any) -> None:
        taken, found = self.since_mark(), dict[Any, Any]()
        _update(found, taken)
        self.stack.append(found)

    def name(self, argument: str) -> None:
        module, _, inner = argument.partition(" ")
        self.stack.append(named(module, inner))

    def name_from_stack(self, _: Any) -> None:
        inner, module = self.stack.pop(), self.stack.pop()
        if not (isinstance(inner, str) and isinstance(module, str)):
            raise Malformed("a pickle with a name that is no text")
        self.stack.append(named(module, inner))

    def call(self, _: Any) -> None:
        arguments, what = self.stack.pop(), self.stack.pop()
        self.stack.append(called(what, arguments))

    def set_state(self, _: Any) -> None:
        self.stack.pop()  # of a dict or a thing that is left out: attributes, which hold no weights

    def persistent(self, _: Any) -> None:
        self.storages.append(stored(self.stack.pop()))
        self.stack.append(self.storages[-1])


def _extend(target: Any, items: list[Any]) -> None:
    if type(target) is list:
        target.extend(items)
    elif type(target) is dict:
        _refuse("adds to a dict as if it were a list")


def _update(target: Any, items: list[Any]) -> None:
    if len(items) % 2:
        _refuse("has a key without a value")
    if type(target) is dict:
        target.update(zip(items[::2], items[1::2], strict=True))
    elif type(target) is list:
        _refuse("adds to a list as if it were a dict")


def _refuse(what: str) -> NoReturn:
    raise Malformed(f"a pickle that {what}")


STEPS: dict[str, Callable[[_Reading, Any], None]] = {
    "MARK": _Reading.mark,
    "POP": _Reading.pop,
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), _Reading.remember),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _Reading.recall),
    "APPEND": _Reading.append,
    "APPENDS": _Reading.appends,
    "ADDITEMS": _Reading.appends,
    "SETITEM": _Reading.set_item,
    "SETITEMS": _Reading.set_items,
    "LIST": _Reading.whole_list,
    "TUPLE": _Reading.whole_tuple,
    "TUPLE1": lambda reading, _: reading.short_tuple(1),
    "TUPLE2": lambda reading, _: reading.short_tuple(2),
    "TUPLE3": lambda reading, _: reading.short_tuple(3),
    "DICT": _Reading.whole_dict,
    "GLOBAL": _Reading.name,
    "STACK_GLOBAL": _Reading.name_from_stack,
    "REDUCE": _Reading.call,
    "NEWOBJ": _Reading.call,
    "BUILD": _Reading.set_state,
    "BINPERSID": _Reading.persistent,
}
