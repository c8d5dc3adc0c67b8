"""Reads everything once: groups, accounts, and what must fit together."""

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from settings.account import ACCOUNT_NAME_RULE, Account
from settings.building import AnyGroup, build
from settings.credential import credential_problems
from settings.cross import clashes
from settings.limiter import Limiter
from settings.problem import Problem, SettingsError
from settings.reading import Found, find
from settings.root import GROUPS, Settings
from settings.unknown import unknown_names
from settings.variable import (
    DEFAULT_ACCOUNT,
    Variable,
    account_key,
    account_of,
    account_variables,
    group_variables,
)


def load(environ: Mapping[str, str] = os.environ, *, state_dir: Path | None = None) -> Settings:
    """The settings in `environ` and in the files it names. Raises SettingsError with every problem.

    `state_dir` stands in for the user's folder for program state, where the embedded server keeps its data.
    """
    reader = _Reader(environ)
    groups: dict[str, Any] = {}
    for name, group in GROUPS.items():
        ours = {"data_dir": state_dir / "redis"} if state_dir and name == "embedded" else {}
        groups[name], _ = reader.group(group, group_variables(group), ours)
    if groups["state"].url is None and groups["broker"].kind == "redis":
        groups["state"] = groups["state"].model_copy(update={"url": groups["broker"].url})
        reader.origins["STANDDOWN_STATE_URL"] = "default, STANDDOWN_BROKER_URL"
    accounts = reader.accounts(groups["limiter"])
    settings = Settings(**groups, accounts=accounts, origins=reader.origins)

    problems = [*unknown_names(environ), *reader.problems]
    wrong = {problem.name for problem in problems}
    sentences = [problem.sentence for problem in problems]
    sentences += [sentence for concerned, sentence in clashes(settings) if not concerned & wrong]
    if sentences:
        raise SettingsError(sentences)
    return settings


class _Reader:
    """Collects origins and problems while it reads."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.origins: dict[str, str] = {}
        self.problems: list[Problem] = []

    def group(
        self, group: type[AnyGroup], variables: Iterable[Variable], ours: Mapping[str, Any]
    ) -> tuple[AnyGroup, dict[str, Found]]:
        """The group of these variables, with `ours` for what was not given; and what was given."""
        by_field = {variable.field: variable for variable in variables}
        found: dict[str, Found] = {}
        for field, variable in by_field.items():
            text = find(variable, self.environ)
            if isinstance(text, Problem):
                self.problems.append(text)
            elif text is not None:
                found[field] = text
                self.origins[variable.name] = text.origin
        built, wrong = build(group, found, ours)
        self.problems += [Problem(by_field[field].name, sentence) for field, sentence in wrong.items()]
        return built, found

    def accounts(self, limiter: Limiter) -> dict[str, Account]:
        """Every account that any variable is about; the default one also where there is none."""
        names = {account for name, value in self.environ.items() if value and (account := account_of(name))}
        plain = account_variables(DEFAULT_ACCOUNT)
        if not names or any(self.environ.get(name) for variable in plain for name in variable.spellings):
            names.add(DEFAULT_ACCOUNT)
        return {name: self._account(name, limiter) for name in sorted(names)}

    def _account(self, name: str, limiter: Limiter) -> Account:
        variables = account_variables(name)
        if not re.fullmatch(ACCOUNT_NAME_RULE, name):
            key = f"{Account.PREFIX}{account_key(name)}"
            self.problems.append(
                Problem(key, f"{key}__… names the account {name!r}, which must match {ACCOUNT_NAME_RULE}")
            )
        account, found = self.group(Account, variables, {"name": name, "common_per_s": limiter.per_s})
        usual = {variable.field: variable.name for variable in variables}
        self.problems += [Problem(usual[field], text) for field, text in credential_problems(found, usual)]
        files = {f"{field}_file": text.file for field, text in found.items() if text.file}
        return account.model_copy(update=files)
