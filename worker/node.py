"""A node: one process that serves one lane of one account, from the queue to the event.

    pool threads   carry commands (tasks.cancel.carry_out)
    heart          renews the leases of what is carried, three times a lease
    sweep          enqueues again what is due or was lost
Everything ends when `stopping` is set, by a signal or because the supervisor is gone.
"""

import functools
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import structlog
from celery.app.trace import setup_worker_optimizations
from celery.worker import WorkController
from celery.worker import state as celery_state

from settings import Settings
from tasks.celery_task import register
from tasks.message import queue_name
from tasks.outcome import Lane
from tasks.ports import Ports, StoppingError
from tasks.retry import RetryRules
from worker.api import CancelApi
from worker.app import celery_app
from worker.broker import tolerant_redis
from worker.broker.redis_queue import RedisQueueView
from worker.carrier import CommandCarrier, refusal_of
from worker.consumer import NodeConsumer
from worker.door import UNREACHABLE, inbox_of, publisher_to, sender_to
from worker.ledger.dead import DeadLetters
from worker.ledger.ledger import LedgerRules, RedisLedger
from worker.ledger.patience import Patience
from worker.ledger.sweep import PERIOD_S, Sweep
from worker.limiter.gate import Gate
from worker.limiter.script import LimiterScript, Rules
from worker.servers import Servers
from worker.state import connect_state

FLUSH_S = 0.2
"""How often it is written down what was published; until then a crash publishes it once more."""
STOP_MAX_S = 9.0
"""How long a stop waits for requests in flight; an API that hangs would hold it for the whole read timeout."""

_log = structlog.get_logger(__name__)


class Node:
    """One lane of one account. `run` blocks until it is told to stop."""

    def __init__(self, settings: Settings, servers: Servers, account_name: str, lane: Lane) -> None:
        account = settings.accounts[account_name]
        self._stopping = threading.Event()
        self._servers = servers
        self._lease_s = settings.ledger.lease_s
        self._name = f"{account_name}.{lane}"
        state = connect_state(servers.state_url)
        patience = Patience(self._stopping)
        rules = LedgerRules(settings.ledger.lease_s, settings.ledger.retention_s, settings.ledger.events_max)
        self._ledger = RedisLedger(state, account_name, lane, rules, patience)
        limits = Rules(account.per_s, settings.limiter.guard_ms, settings.limiter.urgent_streak_max)
        self._gate = Gate(
            LimiterScript(state, account_name, limits),
            lane,
            client=f"{os.uname().nodename}.{os.getpid()}",
            wait_max_s=settings.limiter.wait_max_s,
        )
        self._publisher = publisher_to(servers, self._stopping)
        dead = DeadLetters(state, account_name, self._publisher, patience, settings.ledger.events_max)
        self._api = CancelApi.from_settings(settings, account_name)
        ports = Ports(
            refusal=lambda command: refusal_of(account, command),
            api=self._api,
            slots=self._gate,
            ledger=self._ledger,
            publisher=self._publisher,
        )
        retry = settings.retry
        carrier = CommandCarrier(
            account, lane, ports, self._ledger, dead,
            RetryRules(retry.call_attempts_max, retry.call_max_s, retry.delay_min_s, retry.delay_max_s),
            self._stopping,
        )  # fmt: skip
        self._sender = sender_to(servers)
        queue = None
        if not servers.link.rabbitmq:
            broker = connect_state(servers.redis_broker_url)
            queue = RedisQueueView(broker, queue_name(account_name, lane))
        again = functools.partial(self._sender.send, again=True)
        self._sweep = Sweep(state, account_name, lane, again, queue)
        # Urgent nodes take the inbox in: a command there may be urgent.
        bury = lambda message_id, body, reason: dead.bury_unreadable(message_id, body, reason, source="inbox")  # noqa: E731
        self._inbox = inbox_of(settings, servers, bury) if lane is Lane.URGENT else None
        self._app = celery_app(servers.link, account_name, lane, settings.node.threads)
        self._app.standdown_bury = lambda message_id, body, reason: dead.bury_unreadable(
            message_id, body, reason, source=self._name
        )
        register(self._app, lambda: carrier)

    def run(self, *, parent_pid: int | None = None) -> None:
        """Serve until stopped by a signal, or until `parent_pid` is no longer our parent."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        self._in_background("heart", self._lease_s / 3, self._ledger.renew)
        self._in_background("flush", FLUSH_S, self._ledger.flush)
        self._in_background("sweep", PERIOD_S, lambda: self._sweep.step(time.monotonic()))
        if self._inbox is not None:
            self._in_background("inbox", 0.2, self._inbox.step)
        if parent_pid is not None:
            self._in_background("parent", 1.0, lambda: self._end_without(parent_pid))
        if self._servers.embedded:
            self._in_background("embedded", 1.0, self._servers.embedded.restart_if_dead)
        tolerant_redis.install()
        hostname = f"{self._name}@{os.uname().nodename}-{os.getpid()}"
        # What Celery's own command does before a WorkController: pool threads find the app and its tasks so.
        setup_worker_optimizations(self._app, hostname)
        # Celery's own command would install its signal handlers and speak past our logs.
        worker = WorkController(
            app=self._app,
            hostname=hostname,
            pool_cls="threads",
            consumer_cls=NodeConsumer,
        )
        _log.info("node.started", threads=self._app.conf.worker_concurrency)
        try:
            worker.start()
        finally:
            self.stop()
            with suppress(StoppingError):  # Redis is away: a lease will do it
                self._ledger.flush()
            self._api.close()
            self._publisher.close()
            self._sender.close()
            if self._inbox is not None:
                self._inbox.close()
            _log.info("node.stopped")

    def stop(self) -> None:
        """End every wait; what was not sent goes back to the queue."""
        self._stopping.set()
        self._gate.stop()

    def _hurry(self) -> None:
        """End now. It is safe at any moment: leases and the broker bring back what was in flight."""
        _log.warning("node.hurried", effect="what is in flight is taken up again within a lease")
        os._exit(0)

    def _on_signal(self, _number: int, _frame: object) -> None:
        if self._stopping.is_set():
            self._hurry()
        self.stop()
        celery_state.should_stop = 0  # the exit code; Celery's loop looks at it each round
        in_time = threading.Timer(STOP_MAX_S, self._hurry)
        in_time.daemon = True
        in_time.start()

    def _end_without(self, parent_pid: int) -> None:
        if os.getppid() != parent_pid:
            _log.warning("node.orphaned", effect="stops: nobody would restart it or pass signals on")
            os.kill(os.getpid(), signal.SIGTERM)

    def _in_background(self, name: str, period_s: float, step: Callable[[], object]) -> None:
        threading.Thread(target=self._repeat, args=(name, period_s, step), name=name, daemon=True).start()

    def _repeat(self, name: str, period_s: float, step: Callable[[], object]) -> None:
        lost = False
        while not self._stopping.wait(period_s):
            try:
                step()
            except StoppingError:
                return
            except UNREACHABLE as away:
                if not lost:
                    _log.warning(f"{name}.waits", error=str(away))
                lost = True
            except Exception:  # noqa: BLE001 a surprise must not end the lane's heart or sweep
                _log.exception(f"{name}.surprised", effect="tried again")
            else:
                lost = False
