"""One HTTP request, there and back: the only module that imports `requests` and translates its errors.

No redirects, no retries, no cookies, nothing from the environment (a .netrc would overwrite Authorization).
A whole answer must come within the read timeout, TCP and TLS together within the connect timeout (per address
of the host; asking DNS takes what it takes), see `deadline.py`.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from ssl import SSLCertVerificationError
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import HTTPError, NameResolutionError

from settings.address import checked_base_url, is_loopback
from tasks.answer import AttemptError
from worker.api.deadline import POOL_CLASSES, wire
from worker.api.reply import HEADERS_READ, Reply

HOSTS_MAX = 64
"""Buckets whose connections are kept; one more closes those of the bucket that waited longest."""
_READ_BYTES = 65_536


class _Adapter(HTTPAdapter):
    """Connections of ours, and responses without what nobody reads: cookies, encoding, history."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = POOL_CLASSES

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = POOL_CLASSES
        return manager

    def build_response(self, _req: requests.PreparedRequest, resp: Any) -> requests.Response:
        response = requests.Response()
        response.status_code = resp.status
        response.headers = resp.headers
        response.raw = resp
        return response


class Transport:
    """Sends requests, from any number of threads; keeps connections open between them.

    Hosts are reached by https, or by way of `base_url`, which alone may be plain http, and then only on this
    machine. `proxy_url` serves every host but this machine.
    """

    def __init__(
        self,
        *,
        connect_timeout_s: float,
        read_timeout_s: float,
        body_max_bytes: int,
        user_agent: str,
        base_url: str | None = None,
        proxy_url: str | None = None,
        ca_file: Path | None = None,
        connections_per_host: int = 16,
    ) -> None:
        self._base_url = None if base_url is None else checked_base_url(base_url)
        self._timeouts_s = (connect_timeout_s, read_timeout_s)
        self._body_max_bytes = body_max_bytes
        self._user_agent = user_agent
        here = self._base_url is not None and is_loopback(urlsplit(self._base_url).hostname or "")
        self._proxies = {} if proxy_url is None or here else {"https": proxy_url}
        self._verify: str | bool = True if ca_file is None else str(ca_file)
        self._adapter = _Adapter(pool_connections=HOSTS_MAX, pool_maxsize=connections_per_host)

    def send(self, method: str, host: str, path: str, headers: Callable[[], Mapping[str, str]]) -> Reply:
        """The reply to one request. `headers` is called last, so that what it signs is sent at once.

        Raises AttemptError with fault "network", uncertain where a POST may have reached the server.
        """
        where = self._base_url or f"https://{host}"
        request = requests.PreparedRequest()
        request.method, request.url = method, where + path
        request.headers = CaseInsensitiveDict(
            {
                "Host": host,
                "User-Agent": self._user_agent,
                "Accept-Encoding": "identity",
                "Connection": "keep-alive",
                **headers(),
            }
        )
        wire.written = False
        try:
            response = self._adapter.send(
                request, stream=True, timeout=self._timeouts_s, verify=self._verify, proxies=self._proxies
            )
        except (requests.RequestException, HTTPError, OSError, ValueError) as problem:
            raise AttemptError(
                self._sentence(problem, where), fault="network", uncertain=wire.written and method != "GET"
            ) from problem
        return self._reply(response)

    def close(self) -> None:
        """Close all connections."""
        self._adapter.close()

    def _reply(self, response: requests.Response) -> Reply:
        body, whole = bytearray(), False
        with contextlib.suppress(HTTPError, OSError, ValueError):  # broke off or too late: keep what came
            for piece in _pieces(response.raw):
                body += piece
                if len(body) > self._body_max_bytes:
                    break
            else:
                whole = True
        if not whole:
            response.raw.close()  # what is left on the connection is nobody's answer
        response.raw.release_conn()
        return Reply(
            status=response.status_code,
            headers={
                name: value for name in HEADERS_READ if (value := response.headers.get(name)) is not None
            },
            body=bytes(body[: self._body_max_bytes]),
            whole=whole,
        )

    def _sentence(self, problem: Exception, where: str) -> str:
        connect_s, read_s = self._timeouts_s
        if wire.written:
            if isinstance(problem, requests.ReadTimeout):
                return f"{where} did not answer within {read_s:g} s"
            return f"the connection to {where} broke before it answered"
        if isinstance(problem, requests.exceptions.ProxyError):
            return f"the proxy did not connect us to {where}: check STANDDOWN_API_PROXY_URL"
        causes = list(_causes(problem))
        untrusted = next((cause for cause in causes if isinstance(cause, SSLCertVerificationError)), None)
        if untrusted is not None:
            return f"the certificate of {where} is not trusted: {untrusted.verify_message[:120]}"
        if isinstance(problem, requests.exceptions.SSLError):
            return f"no TLS connection to {where}: the handshake failed"
        if any(isinstance(cause, NameResolutionError) for cause in causes):
            return f"the name of {where} is not known to DNS"
        if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
            return f"{where} refused the connection"
        if isinstance(problem, requests.Timeout):
            return f"no connection to {where} within {connect_s:g} s"
        return f"no connection to {where}"


def _pieces(raw: Any) -> Iterator[bytes]:
    """The body, as it comes in; each piece is kept even if the next never comes."""
    while piece := raw.read1(_READ_BYTES):
        yield piece


def _causes(problem: BaseException) -> Iterator[BaseException]:
    """The error and what led to it: by `raise … from`, while handling, or carried along as an argument."""
    seen: set[int] = set()
    waiting: list[BaseException] = [problem]
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        carried = (one.__cause__, one.__context__, getattr(one, "reason", None), *one.args)
        waiting.extend(cause for cause in carried if isinstance(cause, BaseException))
