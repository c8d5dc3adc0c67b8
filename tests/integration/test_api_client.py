"""The API client against real sockets: servers that are slow, broken, hostile or somebody else."""

import os
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

import pytest

from tasks.answer import Accepted, AttemptError, JobGone
from tasks.command import CancelCommand
from worker.api.client import CancelApi
from worker.api.credential import Credential
from worker.api.credentials import StaticCredentials
from worker.api.transport import Transport

JOB = "vab1ca9fc8a3ed11ea834c525400863904"
BODY = (
    f"<Response><JobsDetail><DataId>d</DataId><JobId>{JOB}</JobId>"
    "<CreationTime>2021-08-07T12:12:12+0800</CreationTime></JobsDetail><RequestId>r</RequestId></Response>"
).encode()
ROOT = Path(__file__).parents[2]


def answer(body: bytes = BODY, status: str = "200 OK", headers: str = "", length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Length: {size}\r\n{headers}\r\n".encode() + body


OK = answer()


class Peer:
    """One connection, seen from the server."""

    def __init__(self, sock: socket.socket, server: "Server") -> None:
        self.sock = sock
        self.server = server

    def request(self) -> bytes:
        """The next request, b"" if the client went away."""
        got = b""
        while not got.endswith(b"\r\n\r\n"):
            more = self.sock.recv(1)
            if not more:
                return b""
            got += more
        self.server.requests.append(got)
        return got

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def drip(self, data: bytes) -> None:
        """One byte every tenth of a second, until somebody has had enough."""
        for byte in data:
            self.send(bytes([byte]))
            if self.server.over.wait(0.1):
                return

    def reset(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def hang(self) -> None:
        self.server.over.wait(30)


class Server:
    """A server on this machine that treats each of its connections as `serve` does."""

    def __init__(self, serve: Callable[[Peer], None], tls: ssl.SSLContext | None = None) -> None:
        self._serve = serve
        self._tls = tls
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.requests: list[bytes] = []
        self.connections = 0
        self.closed = threading.Semaphore(0)
        self.over = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._spawn(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for thread in self._threads:
            thread.join(10)

    @property
    def url(self) -> str:
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self.port}"

    def _spawn(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            self._spawn(self._handle, sock)

    def _handle(self, sock: socket.socket) -> None:
        try:
            with sock:
                sock.settimeout(30)
                if self._tls:
                    with self._tls.wrap_socket(sock, server_side=True) as secure:
                        self._serve(Peer(secure, self))
                else:
                    self._serve(Peer(sock, self))
        except OSError:
            pass  # the client went away, which is what some of these tests are about
        self.closed.release()


def each(response: bytes) -> Callable[[Peer], None]:
    """Answer every request on a connection alike."""

    def serve(peer: Peer) -> None:
        while peer.request():
            peer.send(response)

    return serve


def client(base_url: str | None, *, read_timeout_s: float = 5.0, **options: object) -> CancelApi:
    transport = Transport(
        connect_timeout_s=1.0,
        read_timeout_s=read_timeout_s,
        body_max_bytes=65_536,
        user_agent="standdown/test",
        base_url=base_url,
        **options,  # type: ignore[arg-type]
    )
    credential = Credential("AKIDQjz3ltompVjBni5LitkWHFlFpwkn9U5q", "BQYIM75p8x0iWVFSIgqEKwFprpRSVHlz")
    return CancelApi(
        transport,
        StaticCredentials(credential),
        host_suffix="myqcloud.com",
        signature_life_s=79_940,
        clock=lambda: 1_497_530_262.0,
    )


def command() -> CancelCommand:
    return CancelCommand.model_validate(
        {"job_id": JOB, "bucket": "examplebucket-1250000000", "region": "ap-beijing"}
    )


def failure(api: CancelApi) -> AttemptError:
    with pytest.raises(AttemptError) as caught:
        api.cancel(command())
    assert caught.value.fault == "network"
    return caught.value


# the request


def test_exact_bytes() -> None:
    """A cancel is these bytes and no others, and its signature is the published vector's."""
    with Server(each(OK)) as server:
        api = client(server.url)
        answered = api.cancel(command())
        api.close()
    assert answered == Accepted(JOB, "d", "2021-08-07T12:12:12+0800", "r", None, confirmed=True)
    times = "1497530202;1497610202"
    assert [request.decode() for request in server.requests] == [
        f"POST /video/cancel_auditing/{JOB} HTTP/1.1\r\n"
        "Host: examplebucket-1250000000.ci.ap-beijing.myqcloud.com\r\n"
        "User-Agent: standdown/test\r\n"
        "Accept-Encoding: identity\r\n"
        "Connection: keep-alive\r\n"
        "Content-Length: 0\r\n"
        "Authorization: q-sign-algorithm=sha1&q-ak=AKIDQjz3ltompVjBni5LitkWHFlFpwkn9U5q"
        f"&q-sign-time={times}&q-key-time={times}&q-header-list=content-length;host&q-url-param-list="
        "&q-signature=1058a6286653b9dd89f150cf664293fc2476dd19\r\n"
        "\r\n"
    ]


def test_query() -> None:
    """A query is a GET without a body, and its error body is read."""
    with Server(each(answer(b"<Error><Code>AuditingJobNotFound</Code></Error>", "404 Not Found"))) as server:
        api = client(server.url)
        assert isinstance(api.query(command()), JobGone)
        api.close()
    assert server.requests[0].startswith(
        f"GET /video/auditing/{JOB} HTTP/1.1\r\nHost: examplebucket".encode()
    )
    assert b"content-length" not in server.requests[0].lower()


def test_connection_is_kept() -> None:
    """Calls one after the other share one connection."""
    with Server(each(OK)) as server:
        api = client(server.url)
        for _ in range(5):
            api.cancel(command())
        api.close()
    assert (len(server.requests), server.connections) == (5, 1)


def test_chunked_answer() -> None:
    """A chunked answer is read whole, and its connection kept."""
    chunks = b"".join(f"{len(part):x}\r\n".encode() + part + b"\r\n" for part in (BODY[:50], BODY[50:]))
    response = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
    with Server(each(response)) as server:
        api = client(server.url)
        for _ in range(2):
            answered = api.cancel(command())
            assert isinstance(answered, Accepted)
            assert answered.confirmed
        api.close()
    assert server.connections == 1


def test_threads_share_a_client() -> None:
    """Sixteen threads use one client, and each gets the answer to its own request."""

    def serve(peer: Peer) -> None:
        while request := peer.request():
            job = request.split(b" ", 2)[1].rpartition(b"/")[2]
            peer.send(answer(BODY.replace(JOB.encode(), job)))

    with Server(serve) as server, ThreadPoolExecutor(16) as threads:
        api = client(server.url)
        jobs = [f"av{number:032x}" for number in range(400)]
        commands = [command().model_copy(update={"job_id": job}) for job in jobs]
        answers = list(threads.map(api.cancel, commands))
        api.close()
    assert [one.job_id for one in answers if isinstance(one, Accepted)] == jobs
    assert server.connections <= 16


# other servers than we wished for


@pytest.mark.parametrize("status", ["301 Moved Permanently", "302 Found", "307 Temporary Redirect"])
def test_redirect_is_not_followed(status: str) -> None:
    """A redirect is an error of the configuration; the signed request goes nowhere else."""
    with Server(each(OK)) as elsewhere:
        moved = answer(b"", status, f"Location: {elsewhere.url}/\r\n")
        with Server(each(moved)) as server:
            api = client(server.url)
            with pytest.raises(AttemptError) as caught:
                api.cancel(command())
            api.close()
    assert caught.value.fault == "account"
    assert "misrouted" in caught.value.message
    assert (len(server.requests), elsewhere.connections) == (1, 0)


def test_one_request_per_call() -> None:
    """Nothing is tried again inside a call, whatever the answer suggests."""
    busy = answer(b"", "503 Service Unavailable", "Retry-After: 0\r\n")
    with Server(each(busy)) as server:
        api = client(server.url)
        with pytest.raises(AttemptError) as caught:
            api.cancel(command())
        api.close()
    assert (caught.value.fault, caught.value.retry_after_s, len(server.requests)) == ("server", 0.0, 1)


def test_cookies_are_not_kept() -> None:
    """What a server wants us to remember is forgotten."""
    with Server(each(answer(headers="Set-Cookie: a=b\r\n"))) as server:
        api = client(server.url)
        api.cancel(command())
        api.cancel(command())
        api.close()
    assert b"ookie" not in server.requests[1]


# no usable answer


def after_the_request(act: Callable[[Peer], None]) -> Callable[[Peer], None]:
    def serve(peer: Peer) -> None:
        if peer.request():
            act(peer)

    return serve


@pytest.mark.parametrize(
    "act",
    [
        Peer.reset,
        lambda peer: None,
        lambda peer: peer.send(b"HTTP/1.1 20"),
        lambda peer: peer.send(b"\x00" * 200_000),
        lambda peer: peer.send(b"SSH-2.0-OpenSSH_9.6\r\n"),
        lambda peer: peer.send(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 10_000),
    ],
    ids=["reset", "closed", "half-a-status", "zeros", "another-protocol", "headers"],
)
def test_no_answer(act: Callable[[Peer], None]) -> None:
    """Where the request was sent and no answer came, it may have taken effect."""
    with Server(after_the_request(act)) as server:
        error = failure(client(server.url))
    assert error.uncertain
    assert error.message == f"the connection to {server.url} broke before it answered"
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "act",
    [Peer.hang, lambda peer: peer.drip(OK), lambda peer: peer.drip(b"HTTP/1.1 100 Continue\r\n\r\n" * 99)],
    ids=["silence", "dripping-headers", "continue-for-ever"],
)
@pytest.mark.timeout(20)
def test_answer_that_takes_too_long(act: Callable[[Peer], None]) -> None:
    """The read timeout bounds the whole answer, however the server keeps the connection alive."""
    with Server(after_the_request(act)) as server:
        began_s = time.monotonic()
        error = failure(client(server.url, read_timeout_s=0.5))
        took_s = time.monotonic() - began_s
    assert error.uncertain
    assert error.message == f"{server.url} did not answer within 0.5 s"
    assert 0.4 < took_s < 5


def test_broken_pipe_on_a_kept_connection() -> None:
    """A kept connection that the server closed meanwhile is not used; the request goes over a new one."""

    def serve(peer: Peer) -> None:
        if peer.request():
            peer.send(OK)

    with Server(serve) as server:
        api = client(server.url)
        for _ in range(3):
            assert isinstance(api.cancel(command()), Accepted)
            assert server.closed.acquire(timeout=10)
        api.close()
    assert (len(server.requests), server.connections) == (3, 3)


@pytest.mark.parametrize(
    "act",
    [
        lambda peer: peer.send(b"HTTP/1.1 200 OK\r\nContent-Le"),
        lambda peer: peer.send(OK[:-60]),
        lambda peer: (peer.send(OK[:-60]), peer.reset()),
        lambda peer: (peer.send(OK[:-60]), peer.hang()),
        lambda peer: (peer.send(OK[:-60]), peer.drip(OK[-60:])),
        lambda peer: peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n" + BODY[:100]),
        lambda peer: peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
    ],
    ids=["half-a-header", "closed", "reset", "hang", "drip", "chunk", "no-chunk"],
)
@pytest.mark.timeout(20)
def test_accepted_and_broken_off(act: Callable[[Peer], None]) -> None:
    """A 200 whose body broke off is accepted, unconfirmed; its connection is not used again."""
    with Server(after_the_request(act)) as server:
        api = client(server.url, read_timeout_s=0.5)
        for _ in range(2):
            answered = api.cancel(command())
            assert isinstance(answered, Accepted)
            assert not answered.confirmed
        api.close()
    assert server.connections == 2


@pytest.mark.parametrize(
    "framing", ["Content-Length: 10000000", "Transfer-Encoding: chunked", "X: until closed"]
)
@pytest.mark.timeout(20)
def test_endless_body(framing: str) -> None:
    """Of ten megabytes only the first are read; then the connection is closed."""

    def act(peer: Peer) -> None:
        peer.send(f"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n".encode())
        piece = (b"2000\r\n" if "chunked" in framing else b"") + b"x" * 8192 + b"\r\n"
        peer.send(piece * 1220)

    with Server(after_the_request(act)) as server:
        api = client(server.url)
        answered = api.cancel(command())
        assert server.closed.acquire(timeout=10)
        assert isinstance(answered, Accepted)
        assert not answered.confirmed
        api.close()


# nothing was sent


def test_refused() -> None:
    """A refused connection surely had no effect."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    error = failure(client(f"http://127.0.0.1:{port}"))
    assert (error.uncertain, error.message) == (False, f"http://127.0.0.1:{port} refused the connection")


def test_unknown_name() -> None:
    """A host that DNS does not know surely had no effect."""
    error = failure(client("https://nowhere.invalid"))
    assert (error.uncertain, error.message) == (
        False,
        "the name of https://nowhere.invalid is not known to DNS",
    )


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that nobody signed, with its key."""
    folder = tmp_path_factory.mktemp("tls")
    told = "req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    subprocess.run(
        ["openssl", *told.split(), "-keyout", "key.pem", "-out", "cert.pem"],  # noqa: S607 found on PATH
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return folder


def tls_server(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    return context


def test_untrusted_certificate(certificate: Path) -> None:
    """A certificate that nobody signed is refused before anything is sent."""
    with Server(each(OK), tls_server(certificate)) as server:
        error = failure(client(server.url))
    assert not error.uncertain
    assert error.message == f"the certificate of {server.url} is not trusted: self-signed certificate"
    assert not server.requests


def test_trusted_certificate(certificate: Path) -> None:
    """With the CA file that vouches for it the same server is trusted, and its connection kept."""
    with Server(each(OK), tls_server(certificate)) as server:
        api = client(server.url, ca_file=certificate / "cert.pem")
        for _ in range(3):
            assert isinstance(api.cancel(command()), Accepted)
        api.close()
    assert server.connections == 1


def test_tls_reset_after_the_request(certificate: Path) -> None:
    """Over TLS, too, a request that was sent and not answered may have taken effect."""
    with Server(after_the_request(lambda peer: None), tls_server(certificate)) as server:
        error = failure(client(server.url, ca_file=certificate / "cert.pem"))
    assert error.uncertain


@pytest.mark.parametrize(
    "act",
    [
        Peer.hang,
        lambda peer: peer.drip(b"\x16\x03\x03\x40\x00" + b"\x02" * 900),
        lambda peer: peer.send(b"HTTP/1.1 400\r\n\r\n"),
    ],
    ids=["silence", "drip", "no-tls"],
)
@pytest.mark.timeout(20)
def test_failed_handshake(act: Callable[[Peer], None]) -> None:
    """A handshake that fails or does not end in time surely had no effect."""
    with Server(act) as server:
        began_s = time.monotonic()
        error = failure(client(server.url.replace("http:", "https:"), read_timeout_s=10))
        took_s = time.monotonic() - began_s
    assert not error.uncertain
    assert "TLS" in error.message or "no connection" in error.message
    assert took_s < 5


def test_plain_http_is_for_this_machine() -> None:
    """A base URL that would send signatures in the clear over a network is not taken."""
    with pytest.raises(ValueError, match="plain http is for this machine only"):
        client("http://192.0.2.1")


# proxies


def test_environment_is_ignored(tmp_path: Path) -> None:
    """Proxies, CA files and logins of the environment change nothing about a request."""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login planted password planted\n")
    script = (
        "import sys; from tests.integration.test_api_client import *; "
        "print(client(sys.argv[1]).cancel(command()).confirmed)"
    )
    with Server(each(OK)) as proxy, Server(each(OK)) as server:
        everywhere = dict.fromkeys(
            ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"), proxy.url
        )
        ran = subprocess.run(
            [sys.executable, "-c", script, server.url],
            cwd=ROOT,
            env={
                **{name: value for name, value in os.environ.items() if name.lower() != "no_proxy"},
                **everywhere,
                "HOME": str(tmp_path),
                "NETRC": str(tmp_path / ".netrc"),
                "REQUESTS_CA_BUNDLE": str(tmp_path / "missing.pem"),
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert (ran.stdout, ran.stderr) == ("True\n", "")
    assert proxy.connections == 0
    assert b"Authorization: q-sign-algorithm" in server.requests[0]


def test_proxy_that_refuses() -> None:
    """A proxy that is told is used, nothing but its own login reaches it, and its password is not told on."""

    def refuse(peer: Peer) -> None:
        peer.request()
        peer.send(answer(b"", "407 Proxy Authentication Required"))

    with Server(refuse) as proxy:
        api = client(None, proxy_url=f"http://someone:PLANTED@127.0.0.1:{proxy.port}")
        error = failure(api)
        api.close()
    assert not error.uncertain
    assert "STANDDOWN_API_PROXY_URL" in error.message
    assert "PLANTED" not in "".join(traceback.format_exception(error))
    (request,) = proxy.requests
    assert request.startswith(b"CONNECT examplebucket-1250000000.ci.ap-beijing.myqcloud.com:443 ")
    assert b"Proxy-Authorization: Basic" in request
    assert b"q-sign-algorithm" not in request


def test_proxy_that_is_not_there() -> None:
    """A proxy that cannot be reached surely had no effect, and its password is not told on."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    error = failure(client(None, proxy_url=f"http://someone:PLANTED@127.0.0.1:{port}"))
    assert not error.uncertain
    assert "PLANTED" not in "".join(traceback.format_exception(error))


@pytest.mark.timeout(20)
def test_proxy_that_drips() -> None:
    """A proxy that drips its answer is given up on as well."""
    with Server(after_the_request(lambda peer: peer.drip(b"HTTP/1.1 200 OK" + b"x" * 900))) as proxy:
        began_s = time.monotonic()
        error = failure(client(None, proxy_url=f"http://127.0.0.1:{proxy.port}"))
        took_s = time.monotonic() - began_s
    assert not error.uncertain
    assert took_s < 5
