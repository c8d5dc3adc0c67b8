"""URLs that may hold a password: what one may look like, how it is shown, how each library spells it.

Sources: kombu 5.7.0 `transport/redis.py` (`redis+socket:///path?virtual_host=n`) and redis 8.1.0
`connection.py` (`unix:///path?db=n`), read 2026-11: the same socket has two spellings.
"""

import re
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

RABBITMQ_SCHEMES = ("amqp", "amqps")
REDIS_SCHEMES = ("redis", "rediss")
SOCKET_SCHEMES = ("unix", "redis+socket")

_HARMLESS = frozenset({"db", "virtual_host", "heartbeat", "ssl_cert_reqs", "ssl_check_hostname", "protocol"})
"""Query parameters whose values may be shown; any other may be a secret."""


def masked(url: str) -> str:
    """`url` without what may be secret. Takes any text, and rather hides too much than too little.

    A password with an unescaped `/`, `?` or `@` breaks a URL, so everything up to the last `@` counts as
    user and password; a user without a password is hidden too, since it mostly is a misplaced password.
    """
    scheme, separator, rest = url.partition("://")
    if not separator or not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", scheme):
        return "***"
    login, at, place = rest.rpartition("@")
    user, colon, _ = login.partition(":")
    shown_login = f"{user}:***@" if colon else "***@" if at else ""
    place, has_fragment, _ = place.partition("#")
    place, has_query, query = place.partition("?")
    shown_query = "&".join(_masked_parameter(part) for part in query.split("&")) if has_query else ""
    return f"{scheme}://{shown_login}{place}{has_query}{shown_query}{has_fragment and '#***'}"


def _masked_parameter(part: str) -> str:
    key, equals, value = part.partition("=")
    if not equals:
        return "***" if key else ""
    return f"{key}={value if key in _HARMLESS else '***'}"


def split(url: str, schemes: tuple[str, ...]) -> SplitResult:
    """The parts of `url`. Raises ValueError, safe to show, where it is no single URL of these schemes."""
    if not re.fullmatch(r"[!-~]+", url) or "\\" in url:
        raise ValueError("must be plain ASCII without spaces, line breaks or backslashes")
    scheme = url.partition("://")[0]
    if "://" not in url or scheme not in schemes:
        known = " or ".join(f"{one}://" for one in schemes)
        raise ValueError(f"must begin with {known}, got {masked(url)!r}")
    try:
        parts = urlsplit(url)
        _ = parts.port  # reading it is what checks it; the standard error would quote a broken password
    except ValueError:
        raise ValueError(f"has no readable host and port{_ENCODE}, got {masked(url)!r}") from None
    if ";" in url:
        raise ValueError(f"must be one URL (write a ';' in a password as %3B), got {masked(url)!r}")
    if "@" in parts.path + parts.query or "#" in url:
        raise ValueError(f"holds a character that must be written otherwise{_ENCODE}, got {masked(url)!r}")
    return parts


_ENCODE = " (in a password, write / as %2F, ? as %3F, # as %23, @ as %40, : as %3A)"


def check_redis_url(url: str) -> None:
    """Raises ValueError, safe to show, unless `url` names one Redis that both libraries reach."""
    check_server_url(url, REDIS_SCHEMES + SOCKET_SCHEMES)


def check_server_url(url: str, schemes: tuple[str, ...]) -> None:
    """Raises ValueError, safe to show, unless `url` names one server in one of these schemes."""
    parts = split(url, schemes)
    if {"username", "password"} & {key for key, _ in parse_qsl(parts.query)}:
        raise ValueError(f"must hold user and password before an '@', not after '?', got {masked(url)!r}")
    if parts.scheme in SOCKET_SCHEMES:
        if parts.hostname or not parts.path.strip("/"):
            raise ValueError(f"must name a socket by an absolute path (three slashes), got {masked(url)!r}")
    elif not parts.hostname:
        raise ValueError(f"must name a host, got {masked(url)!r}")
    elif parts.scheme in REDIS_SCHEMES and not re.fullmatch(r"/?[0-9]*", parts.path):
        # redis-py would silently take database 0
        raise ValueError(f"must end with a database number such as /0 or without a path, got {masked(url)!r}")


def kombu_spelling(url: str) -> str:
    """`url` as kombu wants it."""
    return _respelt(url, "unix", "redis+socket", "db", "virtual_host")


def redis_spelling(url: str) -> str:
    """`url` as redis-py wants it."""
    return _respelt(url, "redis+socket", "unix", "virtual_host", "db")


def _respelt(url: str, scheme: str, other_scheme: str, key: str, other_key: str) -> str:
    found, separator, rest = url.partition("://")
    if found != scheme:
        return url
    place, has_query, query = rest.partition("?")
    pairs = [(other_key if name == key else name, value) for name, value in parse_qsl(query)]
    return f"{other_scheme}{separator}{place}{has_query}{urlencode(pairs)}"
