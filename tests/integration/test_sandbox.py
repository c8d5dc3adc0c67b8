"""The sandbox as users start it: a process of its own, spoken to over HTTP."""

import hashlib
import hmac
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from worker.sandbox import SANDBOX_SECRET_ID, SANDBOX_SECRET_KEY

ROOT = Path(__file__).resolve().parents[2]
HOST = "examplebucket-1250000000.ci.ap-beijing.myqcloud.com"


class Client:
    """What a user's test would write: requests signed by the document, answers as they come."""

    def __init__(self, address, process):
        parts = urlsplit(address)
        self.address, self.process = (parts.hostname, parts.port), process
        self.key = (SANDBOX_SECRET_ID, SANDBOX_SECRET_KEY)

    def connect(self):
        return http.client.HTTPConnection(*self.address, timeout=20)

    def headers(self, method, path):
        signed = {"host": HOST} | ({"content-length": "0"} if method == "POST" else {})
        now = int(time.time())
        times = f"{now - 60};{now + 60}"
        pairs = "&".join(f"{name}={value}" for name, value in sorted(signed.items()))
        digest = hashlib.sha1(f"{method.lower()}\n{path}\n\n{pairs}\n".encode()).hexdigest()  # noqa: S324
        sign_key = hmac.new(self.key[1].encode(), times.encode(), "sha1").hexdigest()
        sig = hmac.new(sign_key.encode(), f"sha1\n{times}\n{digest}\n".encode(), "sha1").hexdigest()
        return signed | {
            "authorization": f"q-sign-algorithm=sha1&q-ak={self.key[0]}&q-sign-time={times}&q-key-time={times}"
            f"&q-header-list={';'.join(sorted(signed))}&q-url-param-list=&q-signature={sig}"
        }

    def send(self, method, path, connection=None, headers=None):
        connection = connection or self.connect()
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in (self.headers(method, path) if headers is None else headers).items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()

    def cancel(self, job_id, connection=None):
        return self.send("POST", f"/video/cancel_auditing/{job_id}", connection)

    def control(self, method, path, body=None):
        connection = self.connect()
        connection.request(method, path, None if body is None else json.dumps(body))
        answer = connection.getresponse()
        return answer.status, answer.read()

    def stats(self):
        return json.loads(self.control("GET", "/-/stats")[1])


@contextmanager
def sandbox(tmp_path, *options, env=None):
    """A running sandbox process. The file is written before the line, so that waiting is reading the line."""
    ready = tmp_path / "ready"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TENCENTCLOUD_")}
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "worker.cli.main",
            "sandbox",
            "--port",
            "0",
            "--ready-file",
            str(ready),
            *options,
        ],
        cwd=ROOT,
        env=clean | (env or {}),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        line = process.stdout.readline()
        address = ready.read_text().strip()
        assert address in line
        yield Client(address, process)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def running(tmp_path):
    with sandbox(tmp_path, "--limit-per-s", "0", "--hang-s", "0.2") as client:
        yield client


def test_the_address_is_said_when_requests_are_taken(tmp_path):
    """One line, or JSON; the ready file holds the address alone."""
    with sandbox(tmp_path) as client:
        assert client.control("GET", "/-/health") == (200, b'{\n "status": "ok"\n}\n')
    command = [sys.executable, "-m", "worker.cli.main", "sandbox", "--port", "0", "--json"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert json.loads(process.stdout.readline())["listening"].startswith("http://127.0.0.1:")
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_at_once_when_asked_even_while_requests_hang(tmp_path, number):
    """SIGTERM and SIGINT end it with exit code 0, whatever is open."""
    with sandbox(tmp_path, "--hang-s", "300") as client:
        path = "/video/cancel_auditing/sandbox-hang-1"
        waiting = client.connect()
        waiting.request("POST", path, headers=client.headers("POST", path))
        client.stats()  # the hanging request came before this one
        client.process.send_signal(number)
        assert client.process.wait(timeout=5) == 0


def test_a_signed_cancel_is_answered_as_documented_and_witnessed(running):
    """200 with the four fields; the witness tells what was sent to whom and when."""
    status, headers, body = running.cancel("av1")
    root = ET.fromstring(body)  # noqa: S314  the sandbox's answer
    assert (status, headers["Content-Type"]) == (200, "application/xml")
    assert root.findtext("JobsDetail/JobId") == "av1"
    assert root.findtext("RequestId") == headers["x-ci-request-id"]
    job = json.loads(running.control("GET", "/-/jobs/av1")[1])["jobs"][0]
    assert job["cancelled"]
    assert job["sent"]["RequestId"] == headers["x-ci-request-id"]
    assert job["sent"]["CreationTime"] == root.findtext("JobsDetail/CreationTime")
    assert abs(job["requests"][0]["t_unix"] - time.time()) < 60
    assert running.cancel("av1")[0] == 404


def test_one_connection_serves_many_requests(running):
    """Keep-alive holds across successes and errors."""
    connection = running.connect()
    assert running.cancel("av1", connection)[0] == 200
    own_socket = connection.sock
    for job_id, status in (("av1", 404), ("sandbox-500-1", 500), ("av2", 200)):
        assert running.cancel(job_id, connection)[0] == status
    assert connection.sock is own_socket


def test_requests_sent_ahead_are_answered_in_their_order(tmp_path):
    """Pipelining works, also where answers are delayed."""
    with (
        sandbox(tmp_path, "--latency-ms", "1..20") as client,
        socket.create_connection(client.address) as raw,
    ):
        sent = ""
        for number in range(10):
            path = f"/video/cancel_auditing/av{number}"
            headers = client.headers("POST", path) | ({"connection": "close"} if number == 9 else {})
            lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            sent += f"POST {path} HTTP/1.1\r\n{lines}\r\n"
        raw.sendall(sent.encode())
        text = raw.makefile("rb").read().decode()
        assert [part.split("<")[0] for part in text.split("<JobId>")[1:]] == [f"av{n}" for n in range(10)]


def test_a_wrong_signature_is_refused_until_the_keys_are_made_right(running):
    """PUT /-/credentials turns a bad key into a good one while everything runs."""
    running.key = ("AKIDother", "secret")
    assert b"SecretidNotExist" in running.cancel("av1")[2]
    pair = {"secret_id": "AKIDother", "secret_key": "another"}
    assert running.control("PUT", "/-/credentials", {"credentials": [pair]})[0] == 200
    assert b"SignatureDoesNotMatch" in running.cancel("av1")[2]
    pair["secret_key"] = "secret"
    assert running.control("PUT", "/-/credentials", {"credentials": [pair]})[0] == 200
    assert running.cancel("av1")[0] == 200


def test_the_keys_of_the_environment_are_accepted_instead_of_the_built_in_one(tmp_path):
    """The same variables serve the worker and the sandbox."""
    env = {"TENCENTCLOUD_SECRET_ID": "AKIDenv", "TENCENTCLOUD_SECRET_KEY": "envkey"}
    with sandbox(tmp_path, env=env) as client:
        assert client.cancel("av1")[0] == 401
        client.key = ("AKIDenv", "envkey")
        assert client.cancel("av1")[0] == 200


def test_a_post_without_length_gets_411(running):
    """As the real gateway does."""
    path = "/video/cancel_auditing/av1"
    headers = running.headers("POST", path)
    del headers["content-length"]
    status, _, body = running.send("POST", path, headers=headers)
    assert (status, b"MissingContentLength" in body) == (411, True)


@pytest.mark.parametrize("name", ["reset", "applied-reset"])
def test_a_reset_is_a_real_one(running, name):
    """The client's kernel sees RST, not an orderly end."""
    with pytest.raises(ConnectionResetError):
        running.cancel(f"sandbox-{name}-1")


@pytest.mark.parametrize("name", ["hang", "applied-hang"])
def test_a_hang_ends_without_an_answer(running, name):
    """Nothing is sent, then the connection ends after --hang-s."""
    with pytest.raises(http.client.RemoteDisconnected):
        running.cancel(f"sandbox-{name}-1")


def test_a_truncated_answer_ends_in_the_middle_of_its_body(running):
    """The head promises more than comes, and the job is cancelled all the same."""
    with pytest.raises(http.client.IncompleteRead) as cut:
        running.cancel("sandbox-truncated-1")
    assert cut.value.partial.startswith(b"<Response>")
    assert json.loads(running.control("GET", "/-/jobs/sandbox-truncated-1")[1])["jobs"][0]["cancelled"]


def test_broken_xml_cannot_be_parsed(running):
    """A 200 whose body a strict reader refuses."""
    status, _, body = running.cancel("sandbox-brokenxml-1")
    assert status == 200
    with pytest.raises(ET.ParseError):
        ET.fromstring(body)  # noqa: S314  the sandbox's answer


def test_down_refuses_the_api_but_not_the_control_address(running):
    """The API can vanish and come back, and the switch stays reachable."""
    running.control("PUT", "/-/down", {"down": True})
    with pytest.raises(ConnectionResetError):
        running.cancel("av1")
    running.control("PUT", "/-/down", {"down": False})
    assert running.cancel("av1")[0] == 200
    assert running.stats()["by_fault"] == {"down": 1}


def test_the_limit_holds_under_many_clients_and_the_witness_adds_up(tmp_path):
    """Of a burst exactly the limit is admitted in any second, and every arrival is in the log."""
    with sandbox(tmp_path, "--limit-per-s", "5", "--retry-after-s", "2") as client:
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(client.cancel, [f"av{number}" for number in range(40)]))
        stats = client.stats()
        log = [json.loads(line) for line in client.control("GET", "/-/requests?since=1")[1].splitlines()]
        throttled = [headers for status, headers, _ in answers if status == 429]
        assert stats["worst_second_admitted"] <= 5
        assert stats["admitted"] + stats["throttled"] == stats["requests_total"] == 40
        assert len(throttled) == stats["throttled"] > 0
        assert {headers["Retry-After"] for headers in throttled} == {"2"}
        assert [row["seq"] for row in log] == list(range(1, 41))
        moments = [row["t_mono"] for row in log]
        worst = max(sum(start <= other < start + 1 for other in moments) for start in moments)
        assert stats["worst_second_all"] == worst
        assert sum(row["admitted"] for row in log) == stats["admitted"]


def test_the_page_shows_the_counts_and_needs_nothing_from_elsewhere(running):
    """Plain HTML that loads itself again, without links to other hosts."""
    running.cancel("av1")
    status, page = running.control("GET", "/-/")
    assert status == 200
    assert b'http-equiv="refresh"' in page
    assert b"requests_total" in page
    assert b"://" not in page


def test_a_log_longer_than_the_clients_buffer_comes_whole(running):
    """The log is sent in pieces as the client reads them."""
    connection = running.connect()
    for number in range(3000):
        running.cancel(f"av{number}", connection)
    status, body = running.control("GET", "/-/requests?since=11")
    assert status == 200
    assert [json.loads(line)["seq"] for line in body.splitlines()] == list(range(11, 3001))


@pytest.mark.parametrize(
    "options",
    [
        ["--fault", "500=2"],
        ["--latency-ms", "fast"],
        ["--credential", "hushhush"],
        ["--fault", "500=.9", "--fault", "429=.9"],
    ],
)
def test_options_that_cannot_be_are_refused_before_anything_starts(options):
    """Wrong usage is exit code 2 and a sentence without secrets."""
    command = [sys.executable, "-m", "worker.cli.main", "sandbox", "--port", "0", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert "must be" in done.stderr or "must add up" in done.stderr
    assert "hushhush" not in done.stderr


def test_an_address_in_use_is_a_sentence(running):
    """Exit code 4, not a traceback."""
    command = [sys.executable, "-m", "worker.cli.main", "sandbox", "--port", str(running.address[1])]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 4
    assert done.stderr.startswith("cannot listen on 127.0.0.1:")
    assert "Traceback" not in done.stderr


def test_garbage_on_the_port_is_refused_and_serves_on(running):
    """Broken requests end their own connection only."""
    for garbage in (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", b"GET / HTTP/9\r\n\r\n", b"x" * 20_000):
        with socket.create_connection(running.address) as raw, suppress(ConnectionResetError):
            raw.sendall(garbage)
            assert raw.recv(65536).startswith(b"HTTP/1.1 4")
    assert running.cancel("av1")[0] == 200
    assert running.stats()["unreadable_requests"] == 3
