"""`standdown config`, as people and scripts run it."""

import json
import subprocess
import sys
from pathlib import Path

import worker.cli.main

ROOT = Path(worker.cli.main.__file__).parents[2]


def standdown(*arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "worker.cli.main", *arguments],
        env={"PYTHONPATH": str(ROOT), **environ},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_good_settings_are_printed_masked_and_exit_0() -> None:
    """Piped, each setting is one line."""
    run = standdown("config", STANDDOWN_BROKER_URL="redis://u:planted@h/1")
    assert (run.returncode, run.stderr) == (0, "")
    assert "STANDDOWN_BROKER_URL=redis://u:***@h/1  # environment" in run.stdout.splitlines()


def test_json_is_json() -> None:
    """Scripts get an array of objects."""
    run = standdown("config", "--json", STANDDOWN_LIMIT_PER_S="5")
    assert {"name": "STANDDOWN_LIMIT_PER_S", "value": "5", "origin": "environment"} in json.loads(run.stdout)


def test_bad_settings_are_sentences_on_stderr_and_exit_3() -> None:
    """Every problem is a line of its own, and stdout stays empty for whoever reads it."""
    run = standdown(
        "config",
        STANDDOWN_LIMIT_PER_S="fast",
        STANDDOWN_BROKER_URI="amqp://u:planted@h",
        TENCENTCLOUD_TOKEN="planted",
    )
    assert (run.returncode, run.stdout) == (3, "")
    assert len(run.stderr.splitlines()) == 4
    assert "planted" not in run.stderr
    assert "Traceback" not in run.stderr


def test_help_does_not_pay_for_pydantic() -> None:
    """`standdown --help` answers at once, and the place check imports none of the packages."""
    run = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "worker.cli.main", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "pydantic" not in run.stderr
    assert "settings" not in {line.rpartition("|")[2].strip() for line in run.stderr.splitlines()}
