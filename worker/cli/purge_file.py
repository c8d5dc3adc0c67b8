"""Reads a purge file: bytes in, entries and problems out, each with its line number.

Pure and streaming, one line at a time, with the same rules as at every other door (tasks.command.parse).
"""

import io
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from tasks.command import CancelCommand, InvalidCommandError, parse
from worker.cli.purge_format import FIELDS, BadLineError, Shape, shape_of
from worker.cli.purge_line import LineProblem, lines_of, quoted

Refusal = Callable[[CancelCommand], str | None]


class Entry(NamedTuple):
    """A job to cancel, and what its line says beyond the purge's own fields (validated)."""

    line: int
    job_key: str
    fields: Mapping[str, Any]


class Duplicate(NamedTuple):
    """A job that an earlier line named already; it is cancelled once."""

    line: int
    first_line: int
    job_id: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.job_id} stands on line {self.first_line} already"


class IgnoredColumns(NamedTuple):
    """Columns of a CSV header that mean nothing here."""

    line: int
    names: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"line {self.line}: columns ignored: {quoted(', '.join(self.names))} (known: {', '.join(FIELDS)})"
        )


Found = Entry | Duplicate | LineProblem | IgnoredColumns


def read_purge(
    stream: io.BufferedIOBase, *, file_name: str, common: Mapping[str, Any], refusal: Refusal
) -> Iterator[Found]:
    """What stands in `stream`, in order.

    common: the fields of every command (with requested_at), which a line may override.
    refusal: why the account may not carry a command out, or None; asked once per bucket and region.
    """
    shape: Shape | None = None
    entries = _Entries(common, refusal)
    for line in lines_of(stream):
        if isinstance(line, LineProblem):
            yield line
            continue
        if shape is None:
            try:
                shape = shape_of(file_name, line.text)
            except BadLineError as wrong:
                yield LineProblem(line.number, str(wrong))
                return
            if missing := [name for name in ("bucket", "region") if name not in (*common, *shape.names)]:
                options = " and ".join(f"--{name}" for name in missing)
                yield LineProblem(
                    line.number, f"the file names no {' and no '.join(missing)}: give {options}"
                )
                return
            if shape.ignored:
                yield IgnoredColumns(line.number, shape.ignored)
            if shape.has_header:
                continue
        try:
            yield entries.read(line.number, shape.fields(line.text))
        except (BadLineError, InvalidCommandError) as wrong:
            yield LineProblem(line.number, str(wrong))
        except RecursionError:
            yield LineProblem(line.number, f"is nested too deeply: {quoted(line.text)}")


class _Entries:
    """Validates lines, and remembers which jobs and places it has seen."""

    def __init__(self, common: Mapping[str, Any], refusal: Refusal) -> None:
        self._common = dict(common)
        self._refusal = refusal
        self._refused: dict[tuple[str, str], str | None] = {}
        self._first_lines: dict[str, int] = {}

    def read(self, line: int, raw: dict[str, Any]) -> Entry | Duplicate:
        command = parse({**self._common, **raw}, now=self._common["requested_at"])
        if (refused := self._why_refused(command)) is not None:
            raise BadLineError(refused)
        key = command.job_key
        first_line = self._first_lines.setdefault(key, line)
        if first_line != line:
            return Duplicate(line, first_line, command.job_id)
        # A hundred thousand lines share a few buckets, regions and reasons: one text each.
        values = {name: getattr(command, name) for name in raw}
        return Entry(
            line,
            key,
            {
                name: sys.intern(value) if name != "job_id" and isinstance(value, str) else value
                for name, value in values.items()
            },
        )

    def _why_refused(self, command: CancelCommand) -> str | None:
        place = (command.bucket, command.region)
        if place not in self._refused:
            self._refused[place] = self._refusal(command)
        return self._refused[place]
