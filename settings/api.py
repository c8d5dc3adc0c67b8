"""How the moderation API is reached, and how long we wait for it."""

import re
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field, SecretStr

from settings.address import check_proxy_url, checked_base_url
from settings.group import ExistingFile, Group


def _proxy_url(url: SecretStr) -> SecretStr:
    check_proxy_url(url.get_secret_value())
    return url


def _host_suffix(suffix: str) -> str:
    if not re.fullmatch(r"[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})+", suffix):
        raise ValueError(f"must be a domain such as myqcloud.com, in small letters, got {suffix!r}")
    return suffix


class Api(Group):
    """Every request goes to https://<bucket>.ci.<region>.<host_suffix>, or to `base_url` in its place."""

    PREFIX: ClassVar[str] = "STANDDOWN_API_"

    # None: the real API. Host and signature stay those of the bucket either way
    base_url: Annotated[str, AfterValidator(checked_base_url)] | None = None
    # Source: docs 436/48278 and 436/76263
    host_suffix: Annotated[str, AfterValidator(_host_suffix)] = "myqcloud.com"
    # a SYN is sent again after 1 s: three seconds forgive one lost packet
    connect_timeout_s: float = Field(default=3.0, ge=0.1, le=30)
    # no time is documented; an unanswered cancel is an uncertain attempt, so rather wait than ask again
    read_timeout_s: float = Field(default=10.0, ge=0.5, le=60)
    # None: the certificates that come with requests
    ca_file: ExistingFile | None = None
    # None: no proxy, whatever HTTP_PROXY says
    proxy_url: Annotated[SecretStr, AfterValidator(_proxy_url)] | None = None
    # we sign right before we send; ten minutes forgive a clock that is some minutes wrong
    signature_life_s: int = Field(default=600, ge=60, le=3600)
    # the documented answer is under 1 KiB; the rest is room for a proxy's error page
    body_max_bytes: int = Field(default=65_536, ge=1024, le=16_777_216)
