"""What we were told: typed, frozen, read once.

`load(environ)` is the one way in: it gives Settings, or raises SettingsError with every problem.
"""

from settings.account import Account
from settings.api import Api
from settings.broker import Broker, Embedded, State
from settings.ledger import Ledger
from settings.limiter import Limiter
from settings.listing import Shown, show
from settings.loading import load
from settings.log import Log
from settings.node import Node
from settings.problem import SettingsError
from settings.retry import Retry
from settings.root import Settings
from settings.secret_file import read_secret_file
from settings.url import masked

__all__ = [
    "load",
    "Settings",
    "SettingsError",
    "show",
    "Shown",
    "Account",
    "Api",
    "Broker",
    "Embedded",
    "Ledger",
    "Limiter",
    "Log",
    "Node",
    "Retry",
    "State",
    "masked",
    "read_secret_file",
]
