"""`standdown hold`: the stop button of an account."""

import getpass
from datetime import UTC, datetime

import click

from worker.cli.limiter_reach import limiter_of
from worker.cli.limiter_text import sentence
from worker.cli.moment import moment_ahead


@click.command()
@click.argument("account")
@click.option("--reason", required=True, help="Why; everyone who looks sees it.")
@click.option("--until", "until_text", help="When it ends by itself: 10m, 2h, or RFC 3339.")
def command(account: str, reason: str, until_text: str | None) -> None:
    """Send nothing for ACCOUNT until released. Commands are accepted meanwhile, and wait.

    \b
    standdown hold default --reason "key is being replaced" --until 30m
    standdown release default
    """
    until_s = None
    if until_text is not None:
        try:
            until_s = moment_ahead(until_text, now=datetime.now(UTC)).timestamp()
        except ValueError as problem:
            raise click.BadParameter(str(problem)) from problem
    with limiter_of(account) as limiter:
        limiter.hold(reason[:500], getpass.getuser(), until_s)
        click.echo(sentence(account, limiter.look()))
