"""What `load` gives, and what it refuses."""

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from settings import SettingsError, load


def problems(environ: Mapping[str, str]) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        load(environ)
    assert str(refused.value).splitlines() == refused.value.problems
    return refused.value.problems


def test_an_empty_environment_gives_the_documented_defaults(tmp_path: Path) -> None:
    """Nothing needs to be set to try it: the embedded server, 20 requests a second, one default account."""
    settings = load({}, state_dir=tmp_path)
    assert settings.broker.kind == "embedded"
    assert settings.broker.url is None
    assert settings.state.url is None
    assert settings.embedded.data_dir == tmp_path / "redis"
    assert (settings.limiter.per_s, settings.limiter.guard_ms) == (20, 20.0)
    assert (settings.node.threads, settings.node.grace_s) == (16, 30.0)
    assert settings.api.host_suffix == "myqcloud.com"
    assert settings.ledger.events_max == 100_000
    assert settings.retry.call_attempts_max == 3
    assert settings.log.format == "auto"
    assert list(settings.accounts) == ["default"]
    assert not settings.accounts["default"].has_credentials


def test_nothing_can_be_changed_afterwards() -> None:
    """Settings are read once: neither a group, nor a value, nor the accounts can be replaced."""
    settings = load({})
    with pytest.raises(ValidationError):
        settings.limiter.per_s = 5  # type: ignore[misc]
    with pytest.raises(ValidationError):
        settings.limiter = settings.limiter  # type: ignore[misc]
    with pytest.raises(TypeError):
        settings.accounts["default"] = settings.accounts["default"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("amqp://h/", "rabbitmq"),
        ("amqps://u:p@h:5671/v", "rabbitmq"),
        ("redis://h", "redis"),
        ("rediss://:p@h:6380/2", "redis"),
        ("unix:///run/r.sock", "redis"),
        ("redis+socket:///run/r.sock?virtual_host=1", "redis"),
    ],
)
def test_the_scheme_decides_the_kind_of_broker(url: str, kind: str) -> None:
    """Each accepted scheme is one of the two brokers."""
    settings = load({"STANDDOWN_BROKER_URL": url, "STANDDOWN_STATE_URL": "redis://state"})
    assert settings.broker.kind == kind


def test_the_state_is_the_brokers_redis_unless_told_otherwise() -> None:
    """A small install names its one Redis once."""
    for url in ("redis+socket:///r.sock?virtual_host=2", "unix:///r.sock?db=2"):
        settings = load({"STANDDOWN_BROKER_URL": url})
        assert settings.broker.kombu_url is not None
        assert settings.broker.kombu_url.get_secret_value() == "redis+socket:///r.sock?virtual_host=2"
        assert settings.state.redis_url is not None
        assert settings.state.redis_url.get_secret_value() == "unix:///r.sock?db=2"


def test_rabbitmq_needs_a_state_of_its_own() -> None:
    """With RabbitMQ the state cannot be guessed, and the sentence says what to set."""
    (problem,) = problems({"STANDDOWN_BROKER_URL": "amqp://h/"})
    assert problem.startswith("STANDDOWN_STATE_URL is missing: the broker is RabbitMQ")


def test_a_state_without_a_broker_is_a_forgotten_broker() -> None:
    """The embedded server is not silently started beside a state that was given."""
    (problem,) = problems({"STANDDOWN_STATE_URL": "redis://h"})
    assert problem.startswith("STANDDOWN_BROKER_URL is missing")


def test_a_wrong_url_is_not_also_called_missing() -> None:
    """One mistake gives one sentence, even where other rules depend on the value."""
    (problem,) = problems({"STANDDOWN_BROKER_URL": "amqp://h/", "STANDDOWN_STATE_URL": "http://h"})
    assert problem.startswith("STANDDOWN_STATE_URL must begin with redis://")


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("STANDDOWN_LIMIT_PER_S", "fast", "must be a whole number from 1 to 10000, got 'fast'"),
        ("STANDDOWN_LIMIT_PER_S", "0", "must be a whole number from 1 to 10000, got '0'"),
        ("STANDDOWN_LIMIT_PER_S", "2.5", "must be a whole number from 1 to 10000, got '2.5'"),
        ("STANDDOWN_LIMIT_GUARD_MS", "nan", "must be a number from 5 to 250, got 'nan'"),
        ("STANDDOWN_RETRY_CALL_MAX_S", "inf", "must be a number from 1 to 60, got 'inf'"),
        ("STANDDOWN_LOG_FORMAT", "xml", "must be auto, json or console, got 'xml'"),
        ("STANDDOWN_CREDENTIALS", "magic", "must be static or chain, got 'magic'"),
        ("STANDDOWN_EMBEDDED_DATA_DIR", "here", "must be an absolute path, got 'here'"),
        ("STANDDOWN_API_CA_FILE", "/no/ca", "must name a file, but there is none at '/no/ca'"),
        (
            "STANDDOWN_API_HOST_SUFFIX",
            "a/b",
            "must be a domain such as myqcloud.com, in small letters, got 'a/b'",
        ),
        (
            "STANDDOWN_ALLOWED_REGIONS",
            "mars",
            "must be regions such as ap-beijing, separated by commas, got 'mars'",
        ),
    ],
)
def test_a_wrong_value_is_a_sentence(name: str, value: str, sentence: str) -> None:
    """The sentence names the variable, what was expected and what came."""
    assert problems({name: value}) == [f"{name} {sentence}"]


def test_every_problem_is_told_at_once() -> None:
    """One correction is enough: wrong values, unknown names, files and clashes come together."""
    found = problems(
        {
            "STANDDOWN_LIMIT_PER_S": "fast",
            "STANDDOWN_NODE_GRACE_S": "13",
            "STANDDOWN_RETRY_DELAY_MIN_S": "50",
            "STANDDOWN_RETRY_DELAY_MAX_S": "20",
            "STANDDOWN_NODE_THREADS": "0",
            "STANDDOWN_NODES": "2",
            "TENCENTCLOUD_SECRET_ID_FILE": "/no/such/file",
        }
    )
    assert len(found) == 6
    assert any("must be longer than STANDDOWN_API_CONNECT_TIMEOUT_S" in problem for problem in found)
    assert "STANDDOWN_RETRY_DELAY_MAX_S must not be below STANDDOWN_RETRY_DELAY_MIN_S (50), got 20" in found


def test_an_empty_value_is_not_set() -> None:
    """Compose files pass empty variables for what is not set, even for names that do not exist."""
    settings = load({"STANDDOWN_LIMIT_PER_S": "", "STANDDOWN_BROKER_URL": "", "STANDDOWN_OLD_NAME": ""})
    assert (settings.limiter.per_s, settings.broker.kind) == (20, "embedded")


def test_the_embedded_server_must_be_a_program(tmp_path: Path) -> None:
    """A path that cannot be started is told at load, not when the first command comes."""
    server = tmp_path / "redis-server"
    server.write_text("#!/bin/sh\n")
    assert "is not executable" in problems({"STANDDOWN_EMBEDDED_SERVER": str(server)})[0]
    server.chmod(0o755)
    assert load({"STANDDOWN_EMBEDDED_SERVER": str(server)}).embedded.server == server


@given(st.integers(1, 10_000))
def test_every_whole_number_in_the_range_is_a_rate(per_s: int) -> None:
    """The rate is taken as it is written."""
    assert load({"STANDDOWN_LIMIT_PER_S": str(per_s)}).limiter.per_s == per_s


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "STANDDOWN_LIMIT_PER_S",
                "STANDDOWN_BROKER_URL",
                "STANDDOWN_API_BASE_URL",
                "STANDDOWN_API_PROXY_URL",
                "STANDDOWN_ALLOWED_BUCKETS",
                "TENCENTCLOUD_SECRET_ID",
                "STANDDOWN_LOG_LEVEL",
                "STANDDOWN_ACCOUNTS__A__LIMIT_PER_S",
                "STANDDOWN_BROKER_URL_FILE",
            ]
        ),
        st.text(max_size=40).filter(lambda t: "\0" not in t),
    )
)
def test_any_text_gives_settings_or_sentences(environ: dict[str, str]) -> None:
    """Whatever the environment holds, nothing but SettingsError comes out."""
    with contextlib.suppress(SettingsError):
        load(environ)


def test_the_process_environment_is_only_the_default_argument() -> None:
    """Loading neither reads nor changes the process environment when another one is given."""
    before = dict(os.environ)
    load({"STANDDOWN_LIMIT_PER_S": "7"})
    assert dict(os.environ) == before
