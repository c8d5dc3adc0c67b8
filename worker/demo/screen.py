"""How the demo is shown: bars that move on a terminal, a line a second in a pipe, nothing where JSON is wanted."""

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol

import click
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from worker.cli.output import COLOURS
from worker.demo.figures import Figures
from worker.demo.rows import HEAD, lane_rows, lines, request_rows


@dataclass(frozen=True, slots=True)
class Standing:
    """How far it is. last_second: requests within the last second, as the sandbox counts."""

    elapsed_s: float
    bulk: int
    bulk_size: int
    urgent: int
    urgent_size: int
    last_second: int
    limit_per_s: int


class Screen(Protocol):
    """Where the demo speaks."""

    def say(self, text: str) -> None: ...

    def moving(self) -> AbstractContextManager[object]:
        """Inside, `stand` is called again and again."""
        ...

    def stand(self, standing: Standing) -> None: ...

    def end(self, figures: Figures) -> None: ...


class SilentScreen:
    """Says nothing."""

    def say(self, text: str) -> None:
        pass

    def moving(self) -> AbstractContextManager[object]:
        return nullcontext()

    def stand(self, standing: Standing) -> None:
        pass

    def end(self, figures: Figures) -> None:
        pass


class PlainScreen:
    """Lines for a pipe."""

    def __init__(self) -> None:
        self._second = -1

    def say(self, text: str) -> None:
        click.echo(text)

    def moving(self) -> AbstractContextManager[object]:
        return nullcontext()

    def stand(self, standing: Standing) -> None:
        if int(standing.elapsed_s) > self._second:
            self._second = int(standing.elapsed_s)
            self.say(
                f"{standing.elapsed_s:5.1f} s  purge {standing.bulk:3}/{standing.bulk_size}"
                f"  urgent {standing.urgent:2}/{standing.urgent_size}"
                f"  requests in the last second {standing.last_second:2} of {standing.limit_per_s}"
            )

    def end(self, figures: Figures) -> None:
        for line in ["", *lines(figures), ""]:
            self.say(line)


class TerminalScreen:
    """Bars and tables for a person."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(36),
            MofNCompleteColumn(),
            console=self._console,
        )
        self._purge = self._bars.add_task("purge, bulk lane", total=None)
        self._urgent = self._bars.add_task("urgent cancels", total=None)
        self._rate = self._bars.add_task("requests in the last second", total=None)

    def say(self, text: str) -> None:
        self._console.print(text, markup=False)

    def moving(self) -> AbstractContextManager[object]:
        return self._bars

    def stand(self, standing: Standing) -> None:
        self._bars.update(self._purge, completed=standing.bulk, total=standing.bulk_size)
        self._bars.update(self._urgent, completed=standing.urgent, total=standing.urgent_size)
        self._bars.update(self._rate, completed=standing.last_second, total=standing.limit_per_s)

    def end(self, figures: Figures) -> None:
        self._console.print(_table("jobs", HEAD, lane_rows(figures)))
        self._console.print(_table("as the sandbox counted", None, request_rows(figures)))


def _table(title: str, head: tuple[str, ...] | None, rows: Iterable[tuple[str, ...]]) -> Table:
    table = Table(
        title=title, title_justify="left", title_style="bold", box=box.SIMPLE, show_header=head is not None
    )
    for place, name in enumerate(head or ("", "")):
        table.add_column(name, justify="left" if place == 0 else "right")
    for label, *values in rows:
        table.add_row(Text(label, style=COLOURS.get(label.strip(), "")), *values)
    return table
