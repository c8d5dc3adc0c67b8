"""All settings together."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field, PlainSerializer

from settings.account import Account
from settings.api import Api
from settings.broker import Broker, Embedded, State
from settings.group import Group
from settings.ledger import Ledger
from settings.limiter import Limiter
from settings.log import Log
from settings.node import Node
from settings.retry import Retry

GROUPS: Mapping[str, type[Group]] = {
    "broker": Broker,
    "state": State,
    "embedded": Embedded,
    "api": Api,
    "limiter": Limiter,
    "node": Node,
    "ledger": Ledger,
    "retry": Retry,
    "log": Log,
}


class Settings(Group):
    """What we were told. Made by `load`; nothing in it can be changed, and its repr holds no secret."""

    PREFIX: ClassVar[str] = "STANDDOWN_"

    broker: Broker
    state: State
    embedded: Embedded
    api: Api
    limiter: Limiter
    node: Node
    ledger: Ledger
    retry: Retry
    log: Log
    accounts: Annotated[
        Mapping[str, Account],
        AfterValidator(MappingProxyType),
        PlainSerializer(lambda accounts: dict(accounts)),
    ]
    # variable to where its value came from; what is not in it is a default
    origins: Mapping[str, str] = Field(default_factory=dict, repr=False, exclude=True)
