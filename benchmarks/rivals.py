"""What the product is measured against: stock Celery's `rate_limit`, a reserve-ahead limiter, a bare task.

Run by `celery -A benchmarks.rivals worker`. All three send the same request: one requests.post on a connection
that is kept alive, signed by the vendor's own signer.
"""

import os
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

import redis
import requests
from celery import Celery
from celery.signals import worker_ready
from qcloud_cos import CosConfig
from qcloud_cos.cos_auth import CosS3Auth

from benchmarks.command import HOST, REGION
from worker.sandbox import SANDBOX_SECRET_ID, SANDBOX_SECRET_KEY

QUEUE, URGENT_QUEUE = "rival.bulk", "rival.urgent"
BARE, STOCK, AHEAD = "rival.bare", "rival.stock", "rival.ahead"

_RESERVE = """
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local at = math.max(now, tonumber(redis.call('GET', KEYS[1]) or 0))
redis.call('SET', KEYS[1], string.format('%.0f', at + 1000000 / tonumber(ARGV[1])))
return at - now
"""
"""The plain limiter as it is written everywhere: each caller is given the next free moment, however far."""


def rival_env(broker_url: str, api_url: str, limit_per_s: int, *, prefetch: int = 4) -> dict[str, str]:
    """The environment of a rival's worker. prefetch: messages taken for each thread; 4 is Celery's default."""
    return {
        "RIVAL_BROKER_URL": broker_url,
        "RIVAL_API_URL": api_url,
        "RIVAL_LIMIT_PER_S": str(limit_per_s),
        "RIVAL_PREFETCH": str(prefetch),
    }


def rival_app(env: Mapping[str, str]) -> Celery:
    """Stock Celery: nothing set but what the comparison needs."""
    made = Celery("rivals", broker=env.get("RIVAL_BROKER_URL", "memory://"), set_as_current=False)
    made.conf.update(
        task_default_queue=QUEUE,
        task_ignore_result=True,
        worker_prefetch_multiplier=int(env.get("RIVAL_PREFETCH", "4")),
        broker_connection_retry_on_startup=True,
        broker_transport_options={"confirm_publish": True}
        if "amqp" in env.get("RIVAL_BROKER_URL", "")
        else {},
    )
    limit_per_s = int(env.get("RIVAL_LIMIT_PER_S", "20"))
    poster = _Poster(env.get("RIVAL_API_URL", ""))
    limiter = _ReserveAhead(env.get("RIVAL_BROKER_URL", ""), limit_per_s)

    @made.task(name=BARE, acks_late=True, shared=False)  # type: ignore[untyped-decorator]
    def bare(job_id: str, **_: Any) -> None:
        poster.cancel(job_id)

    @made.task(name=STOCK, shared=False, rate_limit=f"{limit_per_s}/s")  # type: ignore[untyped-decorator]
    def stock(job_id: str, **_: Any) -> None:
        poster.cancel(job_id)

    @made.task(name=AHEAD, acks_late=True, shared=False)  # type: ignore[untyped-decorator]
    def ahead(job_id: str, **_: Any) -> None:
        time.sleep(limiter.reserve_s())
        poster.cancel(job_id)

    return made


class _Poster:
    """One session for each thread, as requests wants it."""

    def __init__(self, api_url: str) -> None:
        self._api_url = api_url
        self._config = CosConfig(Region=REGION, SecretId=SANDBOX_SECRET_ID, SecretKey=SANDBOX_SECRET_KEY)
        self._of_thread = threading.local()

    def cancel(self, job_id: str) -> None:
        session = getattr(self._of_thread, "session", None)
        if session is None:
            session = self._of_thread.session = requests.Session()
        path = f"/video/cancel_auditing/{job_id}"
        signer = CosS3Auth(self._config, path)
        answer = session.post(self._api_url + path, headers={"Host": HOST}, auth=signer, timeout=10)
        answer.raise_for_status()


class _ReserveAhead:
    """Hands out moments one interval apart, to whoever asks, before they are needed."""

    def __init__(self, url: str, limit_per_s: int) -> None:
        self._url, self._limit_per_s = url, limit_per_s
        self._script: Any = None

    def reserve_s(self) -> float:
        """How long to sleep until the moment that is now ours."""
        if self._script is None:
            self._script = redis.Redis.from_url(self._url).register_script(_RESERVE)
        return float(self._script(keys=["rival:next"], args=[self._limit_per_s])) / 1e6


@worker_ready.connect  # type: ignore[untyped-decorator]
def _say_ready(**_: object) -> None:
    print("rival.ready", file=sys.__stderr__, flush=True)


app = rival_app(os.environ)
