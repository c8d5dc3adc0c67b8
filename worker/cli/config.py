"""`standdown config`: the settings in force, secrets masked, or every problem with them."""

import json
import sys
from collections.abc import Iterable

import click

from settings import Shown, load, show


def as_lines(rows: Iterable[Shown]) -> str:
    """One `NAME=value  # origin` a line, for grep and diff; nothing after `=` where it is not set."""
    return "\n".join(f"{row.name}={row.value}  # {row.origin}" for row in rows)


def as_json(rows: Iterable[Shown]) -> str:
    """A JSON array of objects with name, value (null where it is not set) and origin."""
    return json.dumps(
        [{"name": row.name, "value": row.value or None, "origin": row.origin} for row in rows],
        indent=2,
        ensure_ascii=False,
    )


def _print_table(rows: Iterable[Shown]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("setting", no_wrap=True)
    table.add_column("value", overflow="fold")
    table.add_column("from", overflow="fold")
    for row in rows:
        origin = Text(row.origin, style="dim" if row.origin == "default" else "")
        table.add_row(row.name, Text(row.value) if row.value else Text("not set", style="dim"), origin)
    Console().print(table)


@click.command()
@click.option("--json", "json_", is_flag=True, help="Print a JSON array.")
def command(json_: bool) -> None:
    """Show the settings in force, and where each comes from.

    Secrets are masked. Where settings are wrong, prints every problem to stderr and exits with 3.

    \b
    standdown config
    standdown config | grep URL
    standdown config --json | jq '.[] | select(.origin != "default")'
    STANDDOWN_BROKER_URL_FILE=/run/secrets/broker_url standdown config

    A setting that holds a secret or a URL can be given as a file: add _FILE to its name.
    """
    rows = show(load())
    if json_:
        click.echo(as_json(rows))
    elif sys.stdout.isatty():
        _print_table(rows)
    else:
        click.echo(as_lines(rows))
