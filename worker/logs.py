"""Logs: one line per thing that happened, JSON where a machine reads along, to stderr."""

import logging
import sys
from collections.abc import Collection
from typing import Any, TextIO

import structlog

from settings import Settings


def configure_logs(settings: Settings, stream: TextIO = sys.stderr, **bound: object) -> None:
    """Send structlog's and the libraries' lines to `stream`; `bound` stands in each of ours."""
    as_json = settings.log.format == "json" or (settings.log.format == "auto" and not stream.isatty())
    redact = _Redaction(_secrets(settings))
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        lambda _logger, _method, event: {
            **bound,
            **event,
        },  # context variables do not reach the pool's threads
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    ]
    last: list[Any] = [
        structlog.processors.format_exc_info,
        redact,
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=stream.isatty()),
    ]
    level = logging.getLevelNamesMapping()[settings.log.level.upper()]
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=True,
    )
    # Celery, kombu and redis speak through logging; only what needs a person is passed on.
    handler = logging.StreamHandler(stream)
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
    )
    handler.setFormatter(formatter)
    handler.addFilter(_is_news)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(level, logging.WARNING))
    # What our task rejects it has logged itself, with its reason and without a traceback.
    logging.getLogger("celery.app.trace").setLevel(logging.ERROR)
    # urllib3 would quote the raw headers of a broken answer, which may echo ours.
    logging.getLogger("urllib3").setLevel(logging.ERROR)


def _is_news(record: logging.LogRecord) -> bool:
    """Not one line, and a traceback, for each delivery a lost connection took along: the ledger knows them all."""
    return not record.getMessage().startswith(("Couldn't ack", "Couldn't reject"))


def _secrets(settings: Settings) -> set[str]:
    found = set()
    for account in settings.accounts.values():
        found |= {
            secret.get_secret_value()
            for secret in (account.secret_id, account.secret_key, account.token)
            if secret is not None
        }
    for url in (settings.broker.url, settings.state.url, settings.api.proxy_url):
        if url is not None and "@" in (text := url.get_secret_value()):
            found.add(text)
            found.add(text.partition("://")[2].rpartition("@")[0].partition(":")[2])
    return {secret for secret in found if len(secret) >= 4}


class _Redaction:
    """The last fence: whatever the code above let through, a configured secret does not reach the line."""

    def __init__(self, secrets: Collection[str]) -> None:
        self._secrets = sorted(secrets, key=len, reverse=True)

    def __call__(self, _logger: object, _method: str, event: dict[str, Any]) -> dict[str, Any]:
        return {key: self._clean(value) for key, value in event.items()} if self._secrets else event

    def _clean(self, value: object) -> object:
        if not isinstance(value, str):
            if isinstance(value, int | float | None):
                return value
            value = str(value)
        for secret in self._secrets:
            value = value.replace(secret, "********")
        return value
