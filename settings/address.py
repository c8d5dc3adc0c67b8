"""Where HTTP requests go: the base URL that stands in for the real API, and the proxy."""

import ipaddress
import re

from settings.url import masked, split


def checked_base_url(url: str) -> str:
    """`url` without a closing slash. Raises ValueError, safe to show.

    Plain http goes to this machine only: the signature would let anyone on the way cancel jobs.
    """
    parts = split(url, ("http", "https"))
    shown = masked(url)
    if "@" in parts.netloc:
        raise ValueError(f"must not hold a user or password, got {shown!r}")
    if parts.path.strip("/") or "?" in url:
        raise ValueError(f"must end after host and port, without path or query, got {shown!r}")
    host = parts.hostname or ""
    if not is_host(host):
        raise ValueError(f"must name a host, got {shown!r}")
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError(f"must be https: plain http is for this machine only, got {shown!r}")
    return f"{parts.scheme}://{parts.netloc.lower()}"


def check_proxy_url(url: str) -> None:
    """Raises ValueError, safe to show, unless `url` names an HTTP proxy."""
    parts = split(url, ("http", "https"))
    if not is_host(parts.hostname or "") or parts.path.strip("/") or "?" in url:
        raise ValueError(f"must be like http://user:password@host:port, got {masked(url)!r}")


def is_loopback(host: str) -> bool:
    """Whether `host` is 127.0.0.0/8, ::1 or localhost, spelt so that nothing else can be meant."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return address in ipaddress.ip_network("127.0.0.0/8")
    return address == ipaddress.IPv6Address("::1")


def is_host(host: str) -> bool:
    """Whether `host` is a host name or an IP address."""
    if ":" in host:
        try:
            ipaddress.IPv6Address(host)
        except ValueError:
            return False
        return True
    return re.fullmatch(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?", host) is not None
