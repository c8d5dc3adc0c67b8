"""`standdown demo` as a user runs it: in a pipe, with settings of the user's own, stopped in the middle."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

DEMO = [sys.executable, "-m", "worker.cli.main", "demo"]
HOSTILE = {
    "STANDDOWN_BROKER_URL": "amqp://nobody:nothing@127.0.0.1:1/",
    "STANDDOWN_STATE_URL": "redis://127.0.0.1:1/0",
    "STANDDOWN_NO_SUCH_SETTING": "1",
    "TENCENTCLOUD_SECRET_ID": "AKIDuserUserUserUserUser0000000000001",
    "TENCENTCLOUD_SECRET_KEY": "userKeyThatMustNotBeUsed000000001",
    "http_proxy": "http://127.0.0.1:1",
}
"""A user's environment: nothing in it may reach the demo."""
SECRETS = ("AKIDuser", "userKeyThatMustNotBeUsed", "nobody:nothing")


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the demo makes its own folder."""
    return tmp_path_factory.mktemp("demo")


def environment(folder: Path, **more: str) -> dict[str, str]:
    root = str(Path(__file__).parents[2])
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "PYTHONPATH": root,
        **more,
    }


def start(folder: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*DEMO, *options],
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        process_group=0,
    )


def running_below(folder: Path) -> list[str]:
    """Command lines of the processes that have the folder in their command line or environment."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            line, env = (entry / "cmdline").read_bytes(), (entry / "environ").read_bytes()
        except OSError:
            continue
        if line and str(folder).encode() in line + env:
            found.append(line.replace(b"\0", b" ").decode(errors="replace"))
    return found


def end(process: subprocess.Popen[str]) -> None:
    """For a test that fails in the middle; SIGTERM, so that the demo ends what it started."""
    if process.poll() is None:
        process.terminate()
        process.wait(30)


def test_the_demo_accounts_for_every_command_whatever_the_user_s_settings(folder: Path) -> None:
    """200 purged and 10 urgent commands, each with its event, below the limit; a user's settings change nothing."""
    done = subprocess.run(
        [*DEMO, "--json"],
        env=environment(folder, **HOSTILE),
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["ok"] is True
    figures = told["figures"]
    assert figures["commands_accepted"] == figures["events_distinct"] == 210
    bulk, urgent = figures["lanes"]["bulk"], figures["lanes"]["urgent"]
    assert bulk["outcomes"] == {"cancelled": 197, "gone": 2, "refused": 1}
    assert urgent["outcomes"] == {"cancelled": 10}
    assert (bulk["deduplicated"], urgent["deduplicated"]) == (0, 1)
    assert figures["requests"] == 200 + 2 + 9  # a job that fails twice, and a job that was cancelled already
    assert figures["worst_second"] <= figures["limit_per_s"] == 20
    assert figures["throttled"] == 0
    assert urgent["waits"]["max_s"] < bulk["waits"]["p50_s"]

    assert running_below(folder) == []
    assert set(told["pids"]) == {"sandbox", "redis-server", "worker", "node 1", "node 2"}
    assert not Path(told["folder"]).exists()
    assert list(folder.iterdir()) == []
    assert not any(secret in done.stdout + done.stderr for secret in SECRETS)


def test_in_a_pipe_it_tells_what_it_does_and_ends_with_the_table(folder: Path) -> None:
    """Plain lines: what is started, where to look, how far it is, each urgent cancel, the table. --keep keeps."""
    done = subprocess.run(
        [*DEMO, "--keep"],
        env=environment(folder),
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    text = done.stdout
    assert "\x1b" not in text
    assert "http://127.0.0.1:" in text.split("a purge of 200 ids is handed in")[0]
    assert text.count("stream ended: urgent cancel") == 10
    assert text.count("requests in the last second") >= 8
    assert "events published of commands accepted  210 of 210" in text
    (kept,) = folder.glob("standdown-demo-*")
    assert str(kept) in done.stderr
    assert (kept / "worker.log").read_text()
    assert running_below(folder) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_in_the_middle_it_leaves_nothing(folder: Path, number: signal.Signals) -> None:
    """Ctrl-C or SIGTERM, even repeated: exit code 130, no process and no folder is left."""
    process = start(folder)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if "handed in" in line:
                break
        time.sleep(1.0)
        assert len(running_below(folder)) >= 5
        process.send_signal(number)
        time.sleep(0.3)
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    finally:
        end(process)
    assert process.returncode == 130
    assert "stopped before the end" in err
    assert running_below(folder) == []
    assert list(folder.iterdir()) == []


def test_a_sandbox_that_ends_ends_the_demo_and_keeps_the_folder(folder: Path) -> None:
    """What goes wrong is said with the logs' tails and exit code 1; all else is stopped, the folder is kept."""
    process = start(folder)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if "handed in" in line:
                break
        (sandbox,) = (
            int(entry.name)
            for entry in Path("/proc").iterdir()
            if entry.name.isdigit() and is_sandbox_below(entry, folder)
        )
        os.kill(sandbox, signal.SIGKILL)
        _, err = process.communicate(timeout=60)
    finally:
        end(process)
    assert process.returncode == 1
    assert "the sandbox has ended by itself" in err
    assert "--- worker.log" in err
    assert len(list(folder.glob("standdown-demo-*/worker.log"))) == 1
    assert running_below(folder) == []


def is_sandbox_below(entry: Path, folder: Path) -> bool:
    try:
        line = (entry / "cmdline").read_bytes()
    except OSError:
        return False
    return b"\0sandbox\0" in line and str(folder).encode() in line
