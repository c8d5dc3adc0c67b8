"""Where output goes: colours and tables for a terminal, stable lines for a pipe, and a reader that may leave."""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import click

from worker.cli.exit_code import ExitCode

COLOURS = {"cancelled": "green", "gone": "cyan", "refused": "red", "expired": "yellow", "aborted": "magenta"}


def for_people(as_json: bool) -> bool:
    """Whether a person reads stdout."""
    return not as_json and sys.stdout.isatty()


def write_json(line: Mapping[str, Any]) -> None:
    """One JSON object as one line."""
    click.echo(json.dumps(line, ensure_ascii=False, separators=(",", ":")))


def note(sentence: str) -> None:
    """Something a person should know, on stderr."""
    click.echo(f"standdown: {sentence}", err=True)


def harmless(text: str) -> str:
    """`text` without what could steer a terminal: events carry what strangers wrote."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)


@contextmanager
def reader_may_leave() -> Iterator[None]:
    """End quietly where whoever read our output has enough of it (`| head`)."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes once more at its end, and would complain then.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(ExitCode.OK)
