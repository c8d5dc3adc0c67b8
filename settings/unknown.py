"""Names that are no setting: refused, since a misspelt setting would silently be a default."""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from settings.account import Account
from settings.problem import Problem
from settings.variable import account_of, account_variables, fixed_spellings

PREFIX = "STANDDOWN_"

_SERVICE_LINK = re.compile(
    r"_SERVICE_HOST$|_SERVICE_PORT(_[A-Z0-9_]+)?$|_PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$"
)
"""Kubernetes puts these into every pod for a service named `standdown-…`.

Source: Kubernetes, "Service", environment variables.
"""
_SERVICE_PORT = re.compile(r"(tcp|udp|sctp)://")


def unknown_names(environ: Mapping[str, str]) -> Iterator[Problem]:
    """A sentence for each name in `environ` that looks like a setting of ours and is none."""
    known = set(fixed_spellings())
    for name, value in sorted(environ.items()):
        if not name.upper().startswith(PREFIX) or not value or name in known or account_of(name) is not None:
            continue
        if _SERVICE_LINK.search(name) or (name.endswith("_PORT") and _SERVICE_PORT.match(value)):
            continue
        meant = _nearest(name, known)
        hint = f"did you mean {meant}?" if meant else "`standdown config` lists those there are"
        yield Problem(name, f"{name} is not a setting; {hint}")


def _nearest(name: str, known: set[str]) -> str | None:
    plain = re.sub(r"[^A-Z0-9_]", "_", name.upper())
    return _nearest_of_account(plain) or _closest(plain, known)


def _nearest_of_account(name: str) -> str | None:
    """The variable of an account that `name` may mean, for any account: the name says which."""
    of_account = re.match(r"STANDDOWN_ACCOUNTS?_+(?P<rest>[A-Z0-9].*)$", name)
    if of_account is None:
        return None
    rest = of_account["rest"]
    suffixes = sorted(_account_suffixes(), key=len, reverse=True)
    for suffix in suffixes:
        if rest.endswith("_" + suffix):
            return f"{Account.PREFIX}{rest.removesuffix(suffix).strip('_')}__{suffix}"
    key, separator, suffix = rest.rpartition("__")
    close = get_close_matches(suffix, suffixes, n=1)
    return f"{Account.PREFIX}{key}__{close[0]}" if separator and close else None


def _account_suffixes() -> set[str]:
    names = (spelling for variable in account_variables("any") for spelling in variable.spellings)
    return {name.rpartition("__")[2] for name in names}


def _closest(name: str, known: set[str]) -> str | None:
    # without the prefix that all share, which would make everything look alike
    ours = sorted(one.removeprefix(PREFIX) for one in known if one.startswith(PREFIX))
    close = get_close_matches(name.removeprefix(PREFIX), ours, n=1)
    return PREFIX + close[0] if close else None
