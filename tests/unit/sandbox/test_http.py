"""HTTP as values: requests out of a buffer, whole or in pieces."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.sandbox.http import Answer, BrokenRequestError, answer_bytes, parse

WHOLE = b"POST /a%20b?x=1 HTTP/1.1\r\nHost: h\r\nX-Two: a\r\nx-two:  b \r\nContent-Length: 3\r\n\r\nabc"


def test_a_request_is_read_with_names_in_lower_case_and_the_target_as_sent():
    """What is signed stays as it was written."""
    request, used = parse(WHOLE + b"GET /next")
    assert used == len(WHOLE)
    assert (request.method, request.path, request.query, request.body) == ("POST", "/a%20b", "x=1", b"abc")
    assert request.headers == {"host": "h", "x-two": "a, b", "content-length": "3"}
    assert request.keep_alive


@given(st.integers(0, len(WHOLE) - 1))
def test_a_request_in_pieces_is_complete_with_its_last_byte_only(cut):
    """The time of arrival is that of the last byte."""
    assert parse(WHOLE[:cut]) is None


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("nonsense", 400),
        ("GET / HTTP/2.0", 400),
        ("GET example.com HTTP/1.1", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b", 400),
        ("GET / HTTP/1.1\r\n folded: x", 400),
        ("GET / HTTP/1.1\r\nHost : x", 400),
        ("GET / HTTP/1.1\r\nHost: a\nX: b", 400),
        ("POST / HTTP/1.1\r\nContent-Length: -1", 400),
        ("POST / HTTP/1.1\r\nContent-Length: +1", 400),
        ("POST / HTTP/1.1\r\nContent-Length: 99999999", 413),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked", 411),
        ("GET /" + "x" * 20_000 + " HTTP/1.1", 431),
    ],
)
def test_what_could_be_read_in_two_ways_or_is_too_long_is_refused(head, status):
    """Never guess where a request ends."""
    with pytest.raises(BrokenRequestError) as broken:
        parse(head.encode() + b"\r\n\r\n")
    assert broken.value.status == status


@given(st.binary(max_size=300))
def test_no_bytes_whatever_break_the_reader_in_another_way(data):
    """Anything is a request, not yet one, or refused."""
    with suppress(BrokenRequestError):
        parse(data + b"\r\n\r\n")


@pytest.mark.parametrize(
    ("head", "keep_alive"),
    [("GET / HTTP/1.0", False), ("GET / HTTP/1.1\r\nConnection: Close", False), ("GET / HTTP/1.1", True)],
)
def test_the_connection_stays_as_the_client_asks(head, keep_alive):
    """HTTP/1.1 keeps alive unless told otherwise."""
    request, _ = parse(head.encode() + b"\r\n\r\n")
    assert request.keep_alive is keep_alive


def test_an_answer_says_how_long_it_is():
    """Content-Length counts bytes."""
    sent = answer_bytes(Answer(418, "ü".encode()), date="now", keep_alive=False)
    assert sent.startswith(b"HTTP/1.1 418 ")
    assert b"\r\nContent-Length: 2\r\n" in sent
    assert sent.endswith(b"\r\n\r\n\xc3\xbc")
