"""The cancel API of one account: signing, sending, reading what comes back.

CancelApi is what the tasks reach it by; everything else here is a part of it, and pure where it can be.
"""

from worker.api.client import CancelApi, user_agent
from worker.api.credential import Credential, CredentialsError
from worker.api.credentials import Credentials, FileCredentials, StaticCredentials, credentials_of
from worker.api.transport import Transport

__all__ = [
    "CancelApi",
    "Transport",
    "Credential",
    "CredentialsError",
    "Credentials",
    "StaticCredentials",
    "FileCredentials",
    "credentials_of",
    "user_agent",
]
