"""The Celery app, configured for exactly one thing: no command is ever lost or taken twice by Celery itself.

Every line has its reason; most are measured facts of celery 5.7 with its threads pool.
"""

from typing import Any

from celery import Celery

from tasks.message import CONTENT_TYPE
from tasks.outcome import Lane
from worker.broker.link import CONNECT_TIMEOUT_S, HEARTBEAT_S, Link
from worker.broker.queues import consumed_queues


def celery_app(link: Link, account: str, lane: Lane, threads: int) -> Celery:
    """The app of one node. It has no result backend: the events are the results."""
    queues = consumed_queues(account, lane, rabbitmq=link.rabbitmq)
    app = Celery(f"standdown-{account}-{lane}", set_as_current=False)
    options: dict[str, Any] = link.transport_options
    app.conf.update(
        broker_url=link.url,
        broker_transport_options=options,
        broker_connection_timeout=CONNECT_TIMEOUT_S,
        broker_heartbeat=HEARTBEAT_S if link.rabbitmq else 0,
        # A broker that is away, at start or later, is waited for; nobody restarts nodes by hand.
        broker_connection_retry=True,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        # Neither does a queue without a leader for a while end a node.
        broker_channel_error_retry=True,
        # A task whose connection was lost goes on: the ledger keeps a second delivery from sending.
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_pool="threads",
        worker_concurrency=threads,
        worker_prefetch_multiplier=1,
        # Celery would lower the prefetch count after a reconnect and raise it message by message.
        worker_enable_prefetch_count_reduction=False,
        task_acks_late=True,
        # With late acks Celery acknowledges a message whose task raised: the command would be gone.
        task_acks_on_failure_or_timeout=False,
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        result_backend=None,
        task_queues=queues,
        task_default_queue=queues[0].name,
        task_create_missing_queues=False,
        task_serializer="json",
        accept_content=[CONTENT_TYPE],
        worker_send_task_events=False,
        worker_enable_remote_control=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        enable_utc=True,
        timezone="UTC",
        # Retries wait in the ledger, not at the broker: no delayed queues are wanted.
        broker_native_delayed_delivery=False,
    )
    return app
