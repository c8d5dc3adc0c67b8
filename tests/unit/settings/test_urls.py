"""URLs: what is accepted, what is shown, how each library spells it."""

import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.connection import parse_url

from settings.address import check_proxy_url, checked_base_url
from settings.url import check_redis_url, check_server_url, kombu_spelling, masked, redis_spelling

ALL = ("amqp", "amqps", "redis", "rediss", "unix", "redis+socket")
SECRET = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20).map(lambda t: f"s3cr{t}Et")


@given(
    st.sampled_from(ALL),
    st.text("abc", max_size=4),
    SECRET,
    st.sampled_from(["h", "h:6379/1", "[::1]:5/0", "h/v?heartbeat=5"]),
)
def test_no_password_survives_masking(scheme: str, user: str, password: str, place: str) -> None:
    """Even a password full of characters that break URLs is hidden whole."""
    assert masked(f"{scheme}://{user}:{password}@{place}") == f"{scheme}://{user}:***@{place}"


@given(SECRET)
def test_secrets_in_odd_places_are_hidden(secret: str) -> None:
    """A lone user may be a password, a parameter may be one, and what is no URL may be anything."""
    assert secret not in masked(f"redis://{secret}@h")
    assert secret not in masked(f"unix:///r.sock?db=1&password={secret}")
    assert masked(secret) == "***"


@given(st.text())
def test_masking_takes_any_text(text: str) -> None:
    """Masking never fails, so that a sentence about a bad URL can always be made; twice changes nothing."""
    assert masked(masked(text)) == masked(text)


@given(
    st.sampled_from(ALL),
    SECRET,
    st.sampled_from(["h", "h:1/0", "/s.sock", "h:x", "", "h#f", "[", "h;amqp://i"]),
)
def test_a_refusal_never_quotes_the_password(scheme: str, password: str, place: str) -> None:
    """Neither our sentence nor the standard library's, which quotes a broken port."""
    try:
        check_server_url(f"{scheme}://u:{password}@{place}", ALL)
    except ValueError as refused:
        told = "".join(traceback.format_exception(refused))
    else:
        told = ""
    assert "s3cr" not in told  # nor its beginning, which a `/` may cut off


@pytest.mark.parametrize(
    ("url", "wrong"),
    [
        ("h:6379", "must begin with redis://"),
        ("http://h", "must begin with redis://"),
        ("redis://", "must name a host"),
        ("redis://h:port", "has no readable host and port"),
        ("redis://h:70000", "has no readable host and port"),
        ("redis://u:a/b@h", "has no readable host and port"),
        ("redis://h/zero", "must end with a database number"),
        ("redis://h /0", "must be plain ASCII"),
        ("redis://h\n", "must be plain ASCII"),
        ("redis://a;redis://b", "must be one URL"),
        ("unix://", "must name a socket"),
        ("unix://run/r.sock", "must name a socket"),
        ("unix:///r.sock?password=x", "must hold user and password before an '@'"),
    ],
)
def test_a_url_that_no_library_would_take_is_refused(url: str, wrong: str) -> None:
    """What would fail, or silently mean something else, is told at once."""
    with pytest.raises(ValueError, match=wrong):
        check_redis_url(url)


@pytest.mark.parametrize("login", ["", ":p%2Fw@", "u:p@"])
@pytest.mark.parametrize("query", ["", "?db=3"])
def test_a_socket_has_two_spellings(login: str, query: str) -> None:
    """Either spelling may be given, and each library gets its own."""
    ours = f"unix://{login}/run/r.sock{query}"
    other = f"redis+socket://{login}/run/r.sock{query.replace('db', 'virtual_host')}"
    assert (kombu_spelling(ours), redis_spelling(other)) == (other, ours)
    assert (kombu_spelling(other), redis_spelling(ours)) == (other, ours)
    assert parse_url(redis_spelling(other))["path"] == "/run/r.sock"  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("url", ["redis://u:p@h:1/2?ssl_cert_reqs=none", "amqp://u:p@h/v%2F"])
def test_other_urls_are_spelt_the_same_everywhere(url: str) -> None:
    """Only sockets differ."""
    assert kombu_spelling(url) == redis_spelling(url) == url


@pytest.mark.parametrize(
    ("url", "clean"),
    [
        ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
        ("http://127.8.9.1/", "http://127.8.9.1"),
        ("http://[::1]:9000", "http://[::1]:9000"),
        ("http://LocalHost:9000/", "http://localhost:9000"),
        ("https://gate.example.com", "https://gate.example.com"),
    ],
)
def test_a_base_url_ends_after_host_and_port(url: str, clean: str) -> None:
    """A closing slash is forgiven."""
    assert checked_base_url(url) == clean


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com",
        "http://localhost.example.com",
        "http://127.1",
        "http://2130706433",
        "http://126.0.0.1",
        "http://128.0.0.1",
        "http://[::2]",
        "http://0.0.0.0:9000",
        "http://127.0.0.1@example.com",
        "http://127.0.0.1\\@example.com",
        "https://u:planted@h",
        "https://h/path",
        "https://h?",
        "https://h?a=planted",
        "https://h#f",
        "https://",
        "https://[zz]",
        "https://[::1",
        "https://a%2eb",
        "ftp://h",
        "localhost:9000",
        "https://h:99999",
    ],
)
def test_a_base_url_that_could_leak_a_signature_is_refused(url: str) -> None:
    """Plain http leaves no machine, and nothing but scheme, host and port is taken."""
    with pytest.raises(ValueError, match=r"^(must|has|holds)") as refused:
        checked_base_url(url)
    assert "planted" not in str(refused.value)


def test_a_proxy_may_have_a_password() -> None:
    """Proxies ask for one; a SOCKS proxy is not supported."""
    check_proxy_url("http://u:planted@proxy:3128")
    with pytest.raises(ValueError, match="must begin with http://"):
        check_proxy_url("socks5://proxy:1080")
