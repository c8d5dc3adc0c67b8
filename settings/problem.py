"""What is wrong with the settings, as sentences: all of them at once, so that one correction is enough."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One sentence, and the setting it is about by its first name. Never holds a secret."""

    name: str
    sentence: str


class SettingsError(Exception):
    """The settings must be corrected. The text has every problem, one per line."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = list(problems)
