"""A problem a person must act on, as one sentence on stderr and an exit code."""

from typing import IO, Any

import click

from worker.cli.exit_code import ExitCode


class Problem(click.ClickException):
    """Ends the command with `sentence` on stderr and `exit_code`."""

    def __init__(self, sentence: str, exit_code: ExitCode) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code  # type: ignore[misc]  # click declares it on the class, and reads it here

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"standdown: {self.message}", file=file, err=True)
