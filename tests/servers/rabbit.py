"""A private RabbitMQ: own node name, cookie, epmd, data and logs, small enough to stand beside the tests."""

import glob
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from tests.servers.server import MissingServerError, Server, ServerDiedError, free_port

INSTALL = "tools/bootstrap.sh servers"


def rabbit_script() -> Path:
    """RabbitMQ's own script. Debian's wrapper in /usr/sbin would leave us for the user rabbitmq."""
    found = sorted(glob.glob("/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server"))  # noqa: PTH207 absolute
    for path in ("/usr/lib/rabbitmq/bin/rabbitmq-server", *found, shutil.which("rabbitmq-server")):
        if path and os.access(path, os.X_OK):
            return Path(path)
    raise MissingServerError(f"these tests need rabbitmq-server; install it with: {INSTALL}")


class RabbitServer(Server):
    """Virtual host `/`, user guest. `restart` keeps queues, port and node name."""

    name = "rabbit"
    start_timeout_s = 90.0
    stop_timeout_s = 60.0

    def __init__(self) -> None:
        self._script = rabbit_script()
        super().__init__()
        self._node = f"standdown-{secrets.token_hex(4)}@localhost"
        self._epmd: subprocess.Popen[bytes] | None = None
        self._epmd_port = 0
        self._dist_port = 0
        cookie = self.folder / ".erlang.cookie"
        cookie.write_text(secrets.token_hex(16))
        cookie.chmod(0o400)
        (self.folder / "plugins").write_text("[].\n")
        (self.folder / "rabbitmq.conf").write_text(
            "disk_free_limit.absolute = 20MB\nlog.file.level = warning\n"
        )

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}//"

    def command(self) -> list[str]:
        return [str(self._script)]

    def environment(self) -> dict[str, str]:
        in_folder = {
            "RABBITMQ_MNESIA_BASE": "data",
            "RABBITMQ_LOG_BASE": "log",
            "RABBITMQ_CONFIG_FILE": "rabbitmq.conf",
            "RABBITMQ_ENABLED_PLUGINS_FILE": "plugins",
            "RABBITMQ_GENERATED_CONFIG_DIR": "generated",
            "RABBITMQ_PID_FILE": "pid",
            "RABBITMQ_CONF_ENV_FILE": "no-env-file",
        }
        return {
            "PATH": os.environ.get("PATH", os.defpath) + ":/usr/sbin:/usr/bin:/bin",
            "LC_ALL": "C.UTF-8",
            "HOME": str(self.folder),
            "RUNNING_UNDER_SYSTEMD": "true",  # the script becomes the server: one process id to signal
            "RABBITMQ_NODENAME": self._node,
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._dist_port),
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 -kernel inet_dist_use_interface {127,0,0,1}",
            **{name: str(self.folder / path) for name, path in in_folder.items()},
        }

    def answers(self) -> bool:
        """The AMQP handshake: the server speaks first after our header, with Connection.Start."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as link:
                link.settimeout(2)
                link.sendall(b"AMQP\x00\x00\x09\x01")
                return link.recv(7)[:1] == b"\x01"
        except OSError:
            return False

    def log(self) -> str:
        logs = [path.read_text(errors="replace")[-4000:] for path in (self.folder / "log").glob("*.log")]
        return "\n".join([super().log(), *logs])

    def stop(self) -> None:
        self._end(signal.SIGTERM)
        if self._epmd is not None:
            self._epmd.kill()
            self._epmd.wait()
            self._epmd = None
        super().stop()

    def _run(self) -> None:
        if self._epmd is None or self._epmd.poll() is not None:
            self._start_epmd()
        # A node that was killed is forgotten by epmd when its connection breaks: a moment later.
        self._dist_port = free_port()
        super()._run()

    def _start_epmd(self) -> None:
        """Erlang would start a port mapper of its own and leave it behind: this one is ours to end."""
        epmd = shutil.which("epmd", path=self.environment()["PATH"])
        if epmd is None:
            raise MissingServerError(f"these tests need Erlang's epmd; install it with: {INSTALL}")
        for _ in range(8):
            self._epmd_port = free_port()
            self._epmd = subprocess.Popen(
                [epmd, "-port", str(self._epmd_port), "-address", "127.0.0.1"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            deadline = time.monotonic() + 10
            while self._epmd.poll() is None and time.monotonic() < deadline:
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", self._epmd_port)) == 0:
                        return
                time.sleep(0.02)
            self._epmd.kill()
            self._epmd.wait()
        raise ServerDiedError("epmd did not start on any of 8 ports")
