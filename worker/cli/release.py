"""`standdown release`: ends the hold of an account."""

import click

from worker.cli.limiter_reach import limiter_of
from worker.cli.limiter_text import sentence


@click.command()
@click.argument("account")
def command(account: str) -> None:
    """Let ACCOUNT send again, whoever or whatever held it.

    \b
    standdown release default
    """
    with limiter_of(account) as limiter:
        limiter.release()
        click.echo(sentence(account, limiter.look()))
