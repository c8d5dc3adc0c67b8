"""`standdown limit`: the rate of an account, for the whole fleet, at once."""

import click

from worker.cli.limiter_reach import limiter_of
from worker.cli.limiter_text import sentence


@click.command()
@click.argument("account")
@click.argument("per_s", required=False, metavar="[PER_S|default]")
def command(account: str, per_s: str | None) -> None:
    """Show the rate in force for ACCOUNT and its cause, or change it for all nodes at once.

    `default` returns to the configured limit. No node needs a restart.

    \b
    standdown limit default
    standdown limit default 15
    standdown limit default default
    """
    number = None
    if per_s not in (None, "default"):
        if not per_s.isdecimal() or not 1 <= int(per_s) <= 10_000:
            raise click.BadParameter(f"expected a whole number from 1 to 10000, or default, got {per_s!r}")
        number = int(per_s)
    with limiter_of(account) as limiter:
        if per_s is not None:
            limiter.set_limit(number)
        click.echo(sentence(account, limiter.look()))
