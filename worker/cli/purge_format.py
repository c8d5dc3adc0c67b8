"""The three formats of a purge file: from the text of one line to the fields it names."""

import csv
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

from worker.cli.purge_line import quoted

FIELDS = ("job_id", "bucket", "region", "reason", "requested_by", "not_after", "context")
"""What a line may say. The account, the lane and the batch are the purge's, and so are the commands' ids."""

Format = Literal["plain", "csv", "jsonl"]


class BadLineError(Exception):
    """The line holds no fields; the text says why."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How the lines of one file are read."""

    names: tuple[str, ...]
    """The fields that its lines may name."""
    fields: Callable[[str], dict[str, Any]]
    """From a line to its fields. Raises BadLineError."""
    has_header: bool = False
    ignored: tuple[str, ...] = ()
    """Columns that mean nothing here."""


def shape_of(file_name: str, first_line: str) -> Shape:
    """The shape of the file, from its name or else its first line. Raises BadLineError for a bad header."""
    match _format_of(file_name.lower(), first_line):
        case "jsonl":
            return Shape(FIELDS, _object)
        case "csv":
            return _table(first_line)
        case _:
            return Shape(("job_id",), lambda text: {"job_id": text})


def _format_of(file_name: str, first_line: str) -> Format:
    if file_name.endswith((".jsonl", ".ndjson")) or first_line.startswith("{"):
        return "jsonl"
    if file_name.endswith(".csv") or "job_id" in _columns(first_line):
        return "csv"
    return "plain"


def _object(text: str) -> dict[str, Any]:
    try:
        raw = json.loads(text, parse_constant=_no_number)
    except json.JSONDecodeError as wrong:
        raise BadLineError(f"is not JSON: {wrong.msg} at column {wrong.colno}, {quoted(text)}") from None
    except (ValueError, RecursionError) as wrong:
        raise BadLineError(f"is not JSON that can be read: {str(wrong)[:80]}, {quoted(text)}") from None
    if not isinstance(raw, dict):
        raise BadLineError(f"is no JSON object with a job_id: {quoted(text)}")
    if unknown := [name for name in raw if name not in FIELDS]:
        raise BadLineError(f"names {quoted(', '.join(unknown))}, which a purge cannot take ({_known()})")
    return {name: value for name, value in raw.items() if value is not None}


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _table(header: str) -> Shape:
    columns = _columns(header)
    if "job_id" not in columns:
        raise BadLineError(f"is a CSV header without a column job_id ({_known()}): {quoted(header)}")
    if twice := {name for name in columns if name in FIELDS and columns.count(name) > 1}:
        raise BadLineError(f"names the column {', '.join(sorted(twice))} twice: {quoted(header)}")
    delimiter = _delimiter(header)

    def fields(text: str) -> dict[str, Any]:
        cells = _cells(text, delimiter)
        if len(cells) > len(columns):
            raise BadLineError(f"has {len(cells)} cells, the header {len(columns)}: {quoted(text)}")
        named = {
            name: cell.strip()
            for name, cell in zip(columns, cells, strict=False)
            if name in FIELDS and cell.strip()
        }
        if "context" in named:
            return {**named, "context": _object_in(named["context"])}
        return named

    ignored = tuple(name for name in columns if name not in FIELDS)
    names = tuple(name for name in columns if name in FIELDS)
    return Shape(names, fields, has_header=True, ignored=ignored)


def _object_in(cell: str) -> object:
    try:
        return json.loads(cell, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise BadLineError(f"context is not JSON: {quoted(cell)}") from None


def _columns(header: str) -> list[str]:
    """The column names, as the fields are written: `Job ID` and `JobId` are job_id."""
    try:
        cells = _cells(header, _delimiter(header))
    except BadLineError:
        return []
    names = [re.sub(r"[\s-]+", "_", cell.strip().lower()) for cell in cells]
    return ["job_id" if name == "jobid" else name for name in names]


def _delimiter(header: str) -> str:
    """Spreadsheets write commas, semicolons or tabs, as their country has it."""
    return max(",;\t", key=header.count)


def _cells(text: str, delimiter: str) -> list[str]:
    # One record a line: with an open quote the csv module would swallow the rest of the file.
    try:
        return next(csv.reader([text], delimiter=delimiter, strict=True))
    except (csv.Error, StopIteration) as wrong:
        raise BadLineError(f"is no CSV record ({wrong}): {quoted(text)}") from None


def _known() -> str:
    return f"known: {', '.join(FIELDS)}"
