"""Reads one variable from the environment, or from the file it names."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from settings.problem import Problem
from settings.secret_file import read_secret_file
from settings.variable import FILE_SUFFIX, Variable


@dataclass(frozen=True, slots=True)
class Found:
    """A value as text, under which of its names it was given, and the file it was in."""

    name: str
    value: str = field(repr=False)
    file: Path | None = None

    @property
    def origin(self) -> str:
        """Where the value came from, for people."""
        return f"file {self.file}" if self.file else "environment"


def find(variable: Variable, environ: Mapping[str, str]) -> Found | Problem | None:
    """The value of `variable`; None where it is not set, which an empty value means too."""
    given = {name: environ[name] for name in variable.spellings if environ.get(name)}
    if not given:
        return None
    name, value = next(iter(given.items()))
    same_twice = all(other in variable.names and given[other] == value for other in given)
    if len(given) > 1 and not same_twice:
        return Problem(variable.name, f"{' and '.join(given)} are both set; give one of them")
    if name in variable.names:
        return Found(name, value)
    path = Path(value)
    if not path.is_absolute():  # not quoted: it may be the secret itself, given under the wrong name
        return Problem(variable.name, f"{name} must be the absolute path of a file that holds the value")
    try:
        return Found(name.removesuffix(FILE_SUFFIX), read_secret_file(path), path)
    except ValueError as problem:
        return Problem(variable.name, f"{name} {problem}")
