"""`standdown demo`: everything works on this machine, counted by the sandbox; then nothing of it is left."""

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import click

from tasks.door import UnreachableError
from worker.cli.exit_code import ExitCode
from worker.cli.output import for_people, note, reader_may_leave, write_json
from worker.demo.figures import Figures, problems
from worker.demo.play import URGENT_AT_S, play, read_job_ids
from worker.demo.rows import as_json as values_of
from worker.demo.screen import PlainScreen, Screen, SilentScreen, TerminalScreen
from worker.demo.stage import LIMIT_PER_S, DemoError, Stage
from worker.demo.stopping import AskedToStopError, Stopping
from worker.demo.witness import WitnessLostError
from worker.door import UNREACHABLE


@click.command()
@click.option("--keep", is_flag=True, help="Keep the folder with logs and data.")
@click.option("--json", "as_json", is_flag=True, help="Print only the figures, as one JSON object.")
def command(keep: bool, as_json: bool) -> None:
    """See everything work on this machine: a purge, and urgent cancels in the middle of it.

    Starts the sandbox (the pretended API), a private redis-server and the nodes; purges 200 job ids while ten
    streams end; shows what the sandbox counted; stops everything it started. Takes about 15 seconds. Your
    settings and credentials are not used, and the real API is never spoken to.

    Exits with 0 if every command has its event, no second had more requests than the limit, and none was
    throttled; otherwise says what was wrong, keeps the folder, and exits with 1.

    \b
    standdown demo
    standdown demo --json | jq .figures.rate_used
    """
    screen = TerminalScreen() if for_people(as_json) else SilentScreen() if as_json else PlainScreen()
    stopping = Stopping()
    with stopping.listening(), reader_may_leave():
        sys.exit(_run(stopping, screen, keep, as_json))


def _run(stopping: Stopping, screen: Screen, keep: bool, as_json: bool) -> ExitCode:
    began_s = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="standdown-demo-"))
    stage = Stage(folder, os.environ, stopping)
    needed = True  # the folder, where anything goes wrong
    try:
        figures, wrong = _played(stage, stopping, screen)
        wrong += [f"{name} (pid {pid}) could not be stopped" for name, pid in stage.left_running.items()]
        needed = bool(wrong)
        if as_json:
            write_json(_values(figures, wrong, stage, time.monotonic() - began_s))
        elif figures is not None:
            screen.end(figures)
        _conclude(screen, wrong, stage, f"{time.monotonic() - began_s:.0f} s")
    except (AskedToStopError, BrokenPipeError) as ended:
        needed = False
        if isinstance(ended, BrokenPipeError):
            raise
        note("stopped before the end, with everything it had started")
        return ExitCode.INTERRUPTED
    finally:
        if not (keep or needed):
            shutil.rmtree(folder, ignore_errors=True)
        else:
            note(f"the logs and data are kept in {folder}")
    return ExitCode.NOT_CANCELLED if wrong else ExitCode.OK


def _played(stage: Stage, stopping: Stopping, screen: Screen) -> tuple[Figures | None, list[str]]:
    """The figures, if it came so far, and what was wrong. When this returns or raises, everything is stopped."""
    try:
        screen.say(
            "Starting, on this machine only: the sandbox (the pretended API, "
            f"{LIMIT_PER_S} requests a second), a private redis-server, and a node for each lane."
        )
        with stage:
            screen.say(
                f"Look at what the sandbox counts: {stage.witness.page}\n"
                f"Logs and data until the end: {stage.folder}\n"
                f"Now a purge of {len(read_job_ids())} job ids, "
                f"and {len(URGENT_AT_S)} streams that end in the middle of it.\n"
            )
            figures = play(stage, stopping, screen)
    except BrokenPipeError:
        raise
    except (DemoError, WitnessLostError, UnreachableError, *UNREACHABLE) as lost:
        if stopping.asked:
            raise AskedToStopError from lost
        return None, [str(lost)]
    return figures, problems(figures)


def _conclude(screen: Screen, wrong: list[str], stage: Stage, took: str) -> None:
    if wrong:
        for line in stage.tails():
            click.echo(line, err=True)
        for sentence in wrong:
            note(sentence)
    else:
        screen.say(
            f"Every command has its event, no second had more than {LIMIT_PER_S} requests, none was throttled. "
            f"All that was started is stopped; it took {took}."
        )


def _values(figures: Figures | None, wrong: list[str], stage: Stage, took_s: float) -> dict[str, object]:
    return {
        "ok": not wrong,
        "problems": wrong,
        "figures": None if figures is None else values_of(figures),
        "took_s": round(took_s, 2),
        "folder": str(stage.folder),
        "pids": stage.pids,
    }
