"""The settings in force as text: name, value and origin, without any secret."""

from collections.abc import Iterator
from typing import NamedTuple

from pydantic import SecretStr

from settings.root import GROUPS, Settings
from settings.url import masked
from settings.variable import Variable, account_variables, group_variables

HIDDEN = "********"
"""Always the same, so that it tells neither a letter nor the length."""


class Shown(NamedTuple):
    """One setting for people; an empty value means that it is not set."""

    name: str
    value: str
    origin: str


def show(settings: Settings) -> list[Shown]:
    """Every setting, group by group, then account by account.

    The origin is `environment`, `file <path>` or `default`; a default that follows another setting names it.
    """
    return [*_of_groups(settings), *_of_accounts(settings)]


def _of_groups(settings: Settings) -> Iterator[Shown]:
    for name, group in GROUPS.items():
        for variable in group_variables(group):
            yield _shown(settings, variable, getattr(getattr(settings, name), variable.field), "default")


def _of_accounts(settings: Settings) -> Iterator[Shown]:
    for account in settings.accounts.values():
        for variable in account_variables(account.name):
            if variable.field == "limit_per_s":
                yield _shown(settings, variable, account.per_s, "default, STANDDOWN_LIMIT_PER_S")
            else:
                yield _shown(settings, variable, getattr(account, variable.field), "default")


def _shown(settings: Settings, variable: Variable, value: object, otherwise: str) -> Shown:
    text = _text(value, is_url=variable.field.endswith("url"))
    return Shown(variable.name, text, settings.origins.get(variable.name, otherwise))


def _text(value: object, *, is_url: bool) -> str:
    match value:
        case None:
            return ""
        case SecretStr():
            return masked(value.get_secret_value()) if is_url else HIDDEN
        case tuple():
            return ",".join(value)
        case float():
            return f"{value:g}"
        case _:
            return str(value)
