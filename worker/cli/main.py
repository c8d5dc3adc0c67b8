"""`standdown`: finds the command, turns what goes wrong into a sentence and an exit code.

Commands are imported when they are called: `standdown --help` must not pay for Celery.
"""

import importlib
import importlib.util
import runpy
import sys
from pathlib import Path

import click

from worker.cli.exit_code import ExitCode

COMMANDS = {
    "worker": "Run the nodes that carry out cancel commands.",
    "cancel": "Cancel a few jobs now.",
    "purge": "Cancel all jobs of a file, in the bulk lane.",
    "batch": "Show, watch or abort a batch.",
    "events": "Show how commands ended.",
    "limit": "Show or change the rate of an account, for the whole fleet.",
    "hold": "Send nothing for an account until released.",
    "release": "Let an account send again.",
    "setup": "Declare queues and exchanges at the broker.",
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
    if (misplaced := _places_problem()) is not None:
        click.echo(misplaced, err=True)
        sys.exit(ExitCode.BAD_SETTINGS)
    try:
        code = cli.main(standalone_mode=False)  # click gives the code of its own Exit back
        sys.exit(code if isinstance(code, int) else ExitCode.OK)
    except click.ClickException as problem:
        problem.show()
        sys.exit(problem.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        sys.exit(ExitCode.INTERRUPTED)
    except Exception as surprise:
        from settings import SettingsError  # not sooner: it brings pydantic, and --help must not pay for it

        if not isinstance(surprise, SettingsError):
            raise
        click.echo(surprise, err=True)
        sys.exit(ExitCode.BAD_SETTINGS)


def _places_problem() -> str | None:
    """A sentence where Python would take `settings`, `tasks` and `worker` from different places.

    The rule is run from the file beside us, because an import would ask the path that is in doubt.
    """
    specs = {name: importlib.util.find_spec(name) for name in ("settings", "tasks", "worker")}
    found = {
        name: Path(next(iter(spec.submodule_search_locations or ()), spec.origin or ""))
        for name, spec in specs.items()
        if spec is not None
    }
    rule = runpy.run_path(str(Path(__file__).parents[2] / "settings" / "one_place.py"))
    problem: str | None = rule["same_place"](found)
    return problem


if __name__ == "__main__":
    main()
