"""Reaches ledger and broker for a command of the command line; what is away becomes a sentence."""

from collections.abc import Iterator
from contextlib import contextmanager

from settings import Account, Settings, load, masked
from tasks.door import Door, UnreachableError
from worker.cli.exit_code import ExitCode
from worker.cli.problem import Problem
from worker.door import UNREACHABLE, door_to
from worker.embedded import EmbeddedError
from worker.ledger.history import History
from worker.logs import configure_logs
from worker.servers import Servers, servers_of
from worker.state import connect_state


def settings_for_people() -> Settings:
    """The settings of the environment, with logs kept to what a person must know."""
    settings = load()
    if settings.log.level in ("debug", "info"):
        quiet = settings.log.model_copy(update={"level": "warning"})
        configure_logs(settings.model_copy(update={"log": quiet}))
    else:
        configure_logs(settings)
    return settings


def account_of(settings: Settings, name: str) -> Account:
    """The configured account of that name."""
    if name not in settings.accounts:
        known = ", ".join(settings.accounts)
        raise Problem(f"account {name!r} is not configured (known: {known})", ExitCode.BAD_INPUT)
    return settings.accounts[name]


@contextmanager
def reached(settings: Settings) -> Iterator[Servers]:
    """The servers in use. Whatever shows inside that they are away ends the command with UNREACHABLE."""
    try:
        with servers_of(settings) as servers:
            yield servers
    except UnreachableError as lost:
        raise _away(settings, lost) from lost
    except EmbeddedError as lost:
        raise Problem(str(lost), ExitCode.UNREACHABLE) from lost
    except BrokenPipeError:
        raise  # that is our own output
    except UNREACHABLE as lost:
        raise _away(settings, lost) from lost


@contextmanager
def history_and_door(servers: Servers, account: str) -> Iterator[tuple[History, Door]]:
    """What a producer needs that looks back at what it enqueued."""
    with history_of(servers, account) as history, door_to(servers) as door:
        yield history, door


@contextmanager
def history_of(servers: Servers, account: str) -> Iterator[History]:
    """One account's events and batches."""
    with connect_state(servers.state_url) as state:
        yield History(state, account)


def _away(settings: Settings, lost: Exception) -> Problem:
    why = str(lost).replace("..", ".")  # the libraries' sentences bring full stops of their own
    return Problem(f"{_places(settings)} cannot be reached: {why}", ExitCode.UNREACHABLE)


def _places(settings: Settings) -> str:
    urls = {"broker": settings.broker.url, "state": settings.state.url}
    shown = {name: masked(url.get_secret_value()) for name, url in urls.items() if url}
    if len(set(shown.values())) == 1:
        return f"broker and state ({next(iter(shown.values()))})"
    return " or ".join(f"{name} ({url})" for name, url in shown.items()) or "the embedded server"
