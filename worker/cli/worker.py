"""`standdown worker`: runs nodes."""

import os

import click

from settings import Settings, load
from tasks.outcome import Lane
from worker.cli.exit_code import ExitCode
from worker.cli.problem import Problem
from worker.logs import configure_logs


@click.command()
@click.option("--account", help="Only this account's nodes.")
@click.option("--lane", type=click.Choice([lane.value for lane in Lane]), help="Only this lane's nodes.")
@click.option("--supervised", is_flag=True, hidden=True)
def command(account: str | None, lane: str | None, supervised: bool) -> None:
    """Run the nodes that carry out cancel commands: one process per account and lane.

    With both --account and --lane it runs that one node in the foreground, for containers.
    SIGTERM or Ctrl-C stops them: what waits goes back to the queue, what was sent is brought to its end.

    \b
    standdown worker
    standdown worker --account default --lane urgent
    """
    settings = load()
    _check(settings, account)
    if account and lane:
        _run_node(settings, account, Lane(lane), supervised)
    else:
        _supervise(settings, account, Lane(lane) if lane else None)


def _check(settings: Settings, account: str | None) -> None:
    known = ", ".join(settings.accounts)
    if account and account not in settings.accounts:
        raise Problem(f"account {account!r} is not configured (known: {known})", ExitCode.BAD_SETTINGS)
    for name in [account] if account else settings.accounts:
        if not settings.accounts[name].has_credentials:
            names = (
                "TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY"
                if name == "default"
                else f"STANDDOWN_ACCOUNTS__{name.upper().replace('-', '_')}__SECRET_ID and __SECRET_KEY"
            )
            raise Problem(
                f"account {name} has no credentials: set {names}, or the same with _FILE, "
                "or STANDDOWN_CREDENTIALS=chain for the vendor's credential chain",
                ExitCode.BAD_SETTINGS,
            )


def _run_node(settings: Settings, account: str, lane: Lane, supervised: bool) -> None:
    from worker.api import CredentialsError
    from worker.node import Node
    from worker.servers import servers_of

    configure_logs(settings, account=account, lane=lane)
    with servers_of(settings) as servers:
        try:
            node = Node(settings, servers, account, lane)
        except CredentialsError as problem:
            raise Problem(str(problem), ExitCode.BAD_SETTINGS) from problem
        node.run(parent_pid=os.getppid() if supervised else None)


def _supervise(settings: Settings, account: str | None, lane: Lane | None) -> None:
    from worker.servers import servers_of
    from worker.supervisor import Supervisor

    configure_logs(settings)
    with servers_of(settings):
        Supervisor(settings, account, lane).run()
