"""Ctrl-C between two items instead of anywhere: inside a C library it would come out as that library's error."""

import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def interrupted_between(items: Iterable[T]) -> Iterator[Iterator[T]]:
    """Pass `items` on; Ctrl-C raises KeyboardInterrupt before the next one, a second Ctrl-C at once."""
    asked = False

    def on_signal(_number: int, _frame: object) -> None:
        nonlocal asked
        asked = True
        signal.signal(signal.SIGINT, previous)

    def passed_on() -> Iterator[T]:
        for item in items:
            if asked:
                raise KeyboardInterrupt
            yield item

    previous = signal.signal(signal.SIGINT, on_signal)
    try:
        yield passed_on()
        if asked:
            raise KeyboardInterrupt
    finally:
        signal.signal(signal.SIGINT, previous)
