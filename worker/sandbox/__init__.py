"""The Tencent Cloud CI cancel API, pretended faithfully: for integration tests, chaos runs and benchmarks.

It shares no code with `worker.api`: it checks signatures and counts requests by the documents alone, so that
it can be the impartial witness of what our client does.
"""

from worker.sandbox.options import (
    SANDBOX_SECRET_ID,
    SANDBOX_SECRET_KEY,
    Credential,
    SandboxOptions,
)
from worker.sandbox.server import serve

__all__ = ["SANDBOX_SECRET_ID", "SANDBOX_SECRET_KEY", "Credential", "SandboxOptions", "serve"]
