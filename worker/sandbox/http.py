"""HTTP/1.1 as values: the request in a buffer, the bytes of an answer. No I/O.

Only what this API needs: bodies come with Content-Length (the API answers 411 to anything else), limits are
small, and whatever could be read in two ways (a repeated Host, a bare line feed) is refused.

Source: RFC 9112 (messages), RFC 9110 section 15 (reasons).
"""

from dataclasses import dataclass
from http import HTTPStatus

HEAD_MAX_BYTES = 16 * 1024
BODY_MAX_BYTES = 1024 * 1024
_SINGLE = frozenset(("host", "content-length", "authorization", "date", "x-ci-security-token"))
_REASONS = {status.value: status.phrase for status in HTTPStatus}


class BrokenRequestError(Exception):
    """No request can be read from this connection any more; answer so and close it."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


@dataclass(frozen=True, slots=True)
class Request:
    """One whole request. Header names are lower case; `path` and `query` are as sent."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes = b""
    keep_alive: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back, before it is bytes."""

    status: int
    body: bytes
    content_type: str = "application/xml"
    headers: tuple[tuple[str, str], ...] = ()


def parse(buffer: bytes | bytearray) -> tuple[Request, int] | None:
    """The first request in the buffer and how many bytes it took; None while it is not complete."""
    head_end = buffer.find(b"\r\n\r\n")
    if head_end < 0 or head_end > HEAD_MAX_BYTES:
        if len(buffer) > HEAD_MAX_BYTES:
            raise BrokenRequestError(
                431, "RequestHeaderTooLarge", f"The head exceeds {HEAD_MAX_BYTES} bytes."
            )
        return None
    lines = bytes(buffer[:head_end]).decode(errors="surrogateescape").split("\r\n")
    words = lines[0].split(" ")
    if len(words) != 3 or not words[0].isalpha() or words[2] not in ("HTTP/1.1", "HTTP/1.0"):
        raise BrokenRequestError(400, "BadRequest", "The request line must be METHOD /path HTTP/1.1.")
    headers = _headers(lines)
    if "transfer-encoding" in headers:
        raise BrokenRequestError(411, "MissingContentLength", "The Content-Length header is missing.")
    length_text = headers.get("content-length", "0")
    if not (length_text.isascii() and length_text.isdigit()) or len(length_text) > 9:
        raise BrokenRequestError(400, "InvalidArgument", "Content-Length must be a number.")
    length = int(length_text)
    if length > BODY_MAX_BYTES:
        raise BrokenRequestError(413, "EntityTooLarge", f"The body exceeds {BODY_MAX_BYTES} bytes.")
    end = head_end + 4 + length
    if len(buffer) < end:
        return None
    path, _, query = words[1].partition("?")
    if not path.startswith("/"):
        raise BrokenRequestError(400, "InvalidURI", "The target must be a path.")
    keep_alive = words[2] == "HTTP/1.1" and headers.get("connection", "").lower() != "close"
    return Request(words[0], path, query, headers, bytes(buffer[head_end + 4 : end]), keep_alive), end


def _headers(lines: list[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        name = name.lower()
        if not colon or not name or name != name.strip() or "\n" in line or "\r" in line:
            raise BrokenRequestError(400, "BadRequest", "A header line must be Name: value.")
        if name in headers:
            if name in _SINGLE:
                raise BrokenRequestError(400, "BadRequest", f"{name} must not be repeated.")
            value = f"{headers[name]}, {value.strip()}"
        headers[name] = value.strip()
    return headers


def head_bytes(answer: Answer, *, date: str, keep_alive: bool, length: int | None) -> bytes:
    """The head of an answer; `length` None announces chunks."""
    framing = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    extra = "".join(f"{name}: {value}\r\n" for name, value in answer.headers)
    return (
        f"HTTP/1.1 {answer.status} {_REASONS.get(answer.status, 'Unknown')}\r\n"
        f"Server: standdown-sandbox\r\nDate: {date}\r\nContent-Type: {answer.content_type}\r\n{framing}\r\n"
        f"Connection: {'keep-alive' if keep_alive else 'close'}\r\n{extra}\r\n"
    ).encode()


def answer_bytes(answer: Answer, *, date: str, keep_alive: bool, with_body: bool = True) -> bytes:
    """The whole answer; without its body for HEAD."""
    head = head_bytes(answer, date=date, keep_alive=keep_alive, length=len(answer.body))
    return head + answer.body if with_body else head
