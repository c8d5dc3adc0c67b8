"""One Tencent account: its credentials, what it may touch, and its rate."""

import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from settings.group import Group
from settings.limiter import Limiter

ACCOUNT_NAME_RULE = r"^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$"
"""The same as tasks.command.NAME_RULE, which stands above us; a test keeps the two equal."""
BUCKET_PATTERN_RULE = r"[a-z0-9*?\[\]!-]{1,100}"
REGION_RULE = r"[a-z]{2,12}(?:-[a-z0-9]{1,20}){1,3}"


def _items(value: object) -> object:
    return tuple(item.strip() for item in value.split(",")) if isinstance(value, str) else value


def _bucket_patterns(patterns: tuple[str, ...]) -> tuple[str, ...]:
    if not all(re.fullmatch(BUCKET_PATTERN_RULE, pattern) for pattern in patterns):
        raise ValueError(
            "must be buckets or patterns such as live-*-1250000000, separated by commas, "
            f"got {','.join(patterns)!r}"
        )
    return patterns


def _regions(regions: tuple[str, ...]) -> tuple[str, ...]:
    if not all(re.fullmatch(REGION_RULE, region) for region in regions):
        raise ValueError(
            f"must be regions such as ap-beijing, separated by commas, got {','.join(regions)!r}"
        )
    return regions


def _secret(secret: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[!-~]+", secret.get_secret_value()):
        raise ValueError("must be plain ASCII without spaces or line breaks: was more than the value copied?")
    return secret


Secret = Annotated[SecretStr, AfterValidator(_secret)]


class Account(Group):
    """Each account has its own queues, nodes and limit."""

    PREFIX: ClassVar[str] = "STANDDOWN_ACCOUNTS__"

    name: str
    # chain: the vendor's own search for credentials (profile, instance role, container identity)
    credentials: Literal["static", "chain"] = "static"
    secret_id: Secret | None = None
    secret_key: Secret | None = None
    token: Secret | None = None
    # where the secrets came from, so that the API client can read them again when they were rotated
    secret_id_file: Path | None = None
    secret_key_file: Path | None = None
    token_file: Path | None = None
    # empty: all. The credentials' own policy is the real fence; these catch mistakes before a request
    allowed_buckets: Annotated[
        tuple[str, ...], BeforeValidator(_items), AfterValidator(_bucket_patterns)
    ] = ()
    allowed_regions: Annotated[tuple[str, ...], BeforeValidator(_items), AfterValidator(_regions)] = ()
    # None: the limit for all accounts
    limit_per_s: int | None = Field(default=None, ge=1, le=10_000)
    # the limit for all accounts, which `load` fills in
    common_per_s: int = Limiter.model_fields["per_s"].default

    @property
    def per_s(self) -> int:
        """The rate of this account: its own limit, or the one for all."""
        return self.common_per_s if self.limit_per_s is None else self.limit_per_s

    @property
    def has_credentials(self) -> bool:
        """Whether requests can be signed. A producer, which only enqueues, needs none."""
        return self.credentials == "chain" or (self.secret_id is not None and self.secret_key is not None)

    def allows_bucket(self, bucket: str) -> bool:
        """Whether commands for `bucket` may be sent."""
        return not self.allowed_buckets or any(fnmatchcase(bucket, one) for one in self.allowed_buckets)

    def allows_region(self, region: str) -> bool:
        """Whether commands for `region` may be sent."""
        return not self.allowed_regions or region in self.allowed_regions
