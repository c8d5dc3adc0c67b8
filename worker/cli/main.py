"""`standdown`: finds the command, turns what goes wrong into a sentence and an exit code.

Commands are imported when they are called: `standdown --help` must not pay for Celery.
"""

import importlib
import sys

import click

from worker.cli.exit_code import ExitCode

COMMANDS = {
    "worker": "Run the nodes that carry out cancel commands.",
    "cancel": "Cancel a few jobs now.",
    "purge": "Cancel all jobs of a file, in the bulk lane.",
    "batch": "Show, watch or abort a batch.",
    "events": "Show how commands ended.",
    "sandbox": "Run the pretended API, for tests.",
    "demo": "See everything work on this machine.",
    "config": "Show the settings in force, and every problem with them.",
}


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"worker.cli.{name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="standdown")
def cli() -> None:
    """Stand moderation jobs down: cancel Tencent Cloud live-stream moderation jobs.

    \b
    standdown demo                            see it work on this machine
    standdown cancel av123 --bucket b-1250000000 --region ap-beijing --wait
    standdown purge ids.txt --bucket b-1250000000 --region ap-beijing
    """


def main() -> None:
    """The console script. Ends the process with an ExitCode."""
    try:
        cli.main(standalone_mode=False)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.ClickException as problem:
        problem.show()
        sys.exit(problem.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        sys.exit(ExitCode.INTERRUPTED)


if __name__ == "__main__":
    main()
