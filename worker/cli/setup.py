"""`standdown setup`: declares queues and exchanges."""

import click

from worker.cli.reach import reached, settings_for_people


@click.command()
def command() -> None:
    """Declare every queue and exchange at the broker. Repeating it changes nothing; nodes do it too.

    Run it with a user that may configure, where the nodes' own may not.

    \b
    standdown setup
    """
    settings = settings_for_people()
    with reached(settings) as servers:
        servers.link.open().release()
    click.echo("standdown: queues and exchanges are declared")
