"""Where commands wait and what is known of them is kept: broker, state, and the server we bring along."""

import os
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from platformdirs import user_state_path
from pydantic import AfterValidator, Field, SecretStr

from settings.group import AbsolutePath, ExistingFile, Group
from settings.url import (
    RABBITMQ_SCHEMES,
    REDIS_SCHEMES,
    SOCKET_SCHEMES,
    check_redis_url,
    check_server_url,
    kombu_spelling,
    redis_spelling,
)


def _broker_url(url: SecretStr) -> SecretStr:
    check_server_url(url.get_secret_value(), RABBITMQ_SCHEMES + REDIS_SCHEMES + SOCKET_SCHEMES)
    return url


def _state_url(url: SecretStr) -> SecretStr:
    check_redis_url(url.get_secret_value())
    return url


def _executable(path: Path) -> Path:
    if not os.access(path, os.X_OK):
        raise ValueError(f"must name a program, but {str(path)!r} is not executable")
    return path


class Broker(Group):
    """Carries commands and events."""

    PREFIX: ClassVar[str] = "STANDDOWN_BROKER_"

    # None: the embedded server, so that everything can be tried without installing anything
    url: Annotated[SecretStr, AfterValidator(_broker_url)] | None = None
    # kombu waits for a publisher confirm for ever unless told otherwise; RabbitMQ answers in milliseconds,
    # and in a second or two while a quorum queue elects a leader
    confirm_timeout_s: float = Field(default=10.0, ge=1, le=120)

    @property
    def kind(self) -> Literal["rabbitmq", "redis", "embedded"]:
        """Which of the three brokers it is."""
        if self.url is None:
            return "embedded"
        scheme = self.url.get_secret_value().partition("://")[0]
        return "rabbitmq" if scheme in RABBITMQ_SCHEMES else "redis"

    @property
    def kombu_url(self) -> SecretStr | None:
        """The URL as kombu and Celery spell it."""
        return self.url and SecretStr(kombu_spelling(self.url.get_secret_value()))


class State(Group):
    """The Redis of limiter, ledger, batches and holds."""

    PREFIX: ClassVar[str] = "STANDDOWN_STATE_"

    # None only with the embedded server; `load` fills in the broker's where that is Redis
    url: Annotated[SecretStr, AfterValidator(_state_url)] | None = None

    @property
    def redis_url(self) -> SecretStr | None:
        """The URL as redis-py spells it."""
        return self.url and SecretStr(redis_spelling(self.url.get_secret_value()))


class Embedded(Group):
    """A private redis-server child, where neither broker nor state was given."""

    PREFIX: ClassVar[str] = "STANDDOWN_EMBEDDED_"

    # what a user's program keeps between runs belongs under XDG_STATE_HOME
    data_dir: AbsolutePath = Field(default_factory=lambda: user_state_path("standdown") / "redis")
    # None: the one on PATH, or the one of the `embedded` extra
    server: Annotated[ExistingFile, AfterValidator(_executable)] | None = None
