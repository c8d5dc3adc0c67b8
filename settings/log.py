"""What is written to the log, and how."""

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator

from settings.group import Group


def _small(level: object) -> object:
    return level.lower() if isinstance(level, str) else level


class Log(Group):
    """One line per thing that happened, to stderr."""

    PREFIX: ClassVar[str] = "STANDDOWN_LOG_"

    # info: one line per command that ended, and none per request
    level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_small)] = "info"
    # auto: for people on a terminal, JSON where a machine reads along
    format: Literal["auto", "json", "console"] = "auto"
