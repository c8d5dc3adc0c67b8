"""What a benchmark gives: tables for people, values for machines."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table as RichTable

WIDTH_MIN = 150


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells that are ready to print, what is to be reached among them."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """Of one benchmark."""

    tables: Sequence[Table]
    values: Mapping[str, Any] = field(default_factory=dict)


def show(table: Table, console: Console) -> None:
    """Print it: the first column to the left, figures to the right."""
    grid = RichTable(title=table.title, title_justify="left", title_style="bold", box=box.ASCII2)
    for place, column in enumerate(table.columns):
        grid.add_column(column, justify="right" if place else "left", overflow="fold")
    for row in table.rows:
        grid.add_row(*row)
    console.print(grid)
    for note in table.notes:
        console.print(f"  {note}", highlight=False)
    console.print()


def console() -> Console:
    """Wide enough for the tables where output is no terminal."""
    here = Console()
    return here if here.is_terminal else Console(width=WIDTH_MIN)


def write_json(path: Path, machine: Mapping[str, Any], results: Mapping[str, Result]) -> None:
    """All figures so far, with the machine they are of. NaN, which JSON has not, becomes null."""
    whole = {"machine": machine, "results": {name: result.values for name, result in results.items()}}
    path.write_text(json.dumps(_plain(whole), indent=1) + "\n", encoding="utf-8")


def number(value: float, digits: int = 0) -> str:
    """A figure with thousands apart; a dash where there is none."""
    return "-" if math.isnan(value) else f"{value:,.{digits}f}"


def percent(share: float) -> str:
    return "-" if math.isnan(share) else f"{share:.1%}"


def times(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f} x"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        return None if math.isnan(value) else round(value, 6)
    return value
