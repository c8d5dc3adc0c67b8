"""Names that are no setting."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settings.unknown import unknown_names
from settings.variable import fixed_spellings


def sentences(name: str, value: str = "x") -> list[str]:
    return [problem.sentence for problem in unknown_names({name: value})]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("STANDDOWN_BROKER_URI", "STANDDOWN_BROKER_URL"),
        ("STANDDOWN_LIMITER_PER_S", "STANDDOWN_LIMIT_PER_S"),
        ("STANDDOWN_LIMIT_PER_S_FILE", "STANDDOWN_LIMIT_PER_S"),
        ("standdown_log_level", "STANDDOWN_LOG_LEVEL"),
        ("STANDDOWN_ACCOUNTS__EU__SECRETKEY", "STANDDOWN_ACCOUNTS__EU__SECRET_KEY"),
        ("STANDDOWN_ACCOUNTS__EU_WEST__SECRET_KEY_FIEL", "STANDDOWN_ACCOUNTS__EU_WEST__SECRET_KEY_FILE"),
        ("STANDDOWN_ACCOUNTS_EU_SECRET_ID", "STANDDOWN_ACCOUNTS__EU__SECRET_ID"),
        ("STANDDOWN_ACCOUNT__EU__TOKEN", "STANDDOWN_ACCOUNTS__EU__TOKEN"),
        ("STANDDOWN_ACCOUNTS__eu__TOKEN", "STANDDOWN_ACCOUNTS__EU__TOKEN"),
    ],
)
def test_a_misspelt_name_is_refused_with_the_one_it_means(name: str, meant: str) -> None:
    """A misspelt setting would silently be a default."""
    assert sentences(name) == [f"{name} is not a setting; did you mean {meant}?"]


def test_a_name_like_no_other_gets_no_guess() -> None:
    """A wild guess would send people astray."""
    assert sentences("STANDDOWN_QQQ") == [
        "STANDDOWN_QQQ is not a setting; `standdown config` lists those there are"
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STANDDOWN_REDIS_SERVICE_HOST", "10.0.0.1"),
        ("STANDDOWN_REDIS_SERVICE_PORT", "6379"),
        ("STANDDOWN_REDIS_SERVICE_PORT_MAIN", "6379"),
        ("STANDDOWN_REDIS_PORT", "tcp://10.0.0.1:6379"),
        ("STANDDOWN_REDIS_PORT_6379_TCP", "tcp://10.0.0.1:6379"),
        ("STANDDOWN_REDIS_PORT_6379_TCP_ADDR", "10.0.0.1"),
    ],
)
def test_what_kubernetes_adds_for_our_services_is_not_ours(name: str, value: str) -> None:
    """A service named standdown-redis must not keep every pod from starting."""
    assert sentences(name, value) == []


@pytest.mark.parametrize("name", ["PATH", "TENCENTCLOUD_REGION", "XSTANDDOWN_LOG", "STANDDOWN"])
def test_the_names_of_others_are_left_alone(name: str) -> None:
    """Only names with our prefix are ours to judge."""
    assert sentences(name) == []


def test_every_name_of_ours_is_known() -> None:
    """What the groups define is a setting."""
    assert list(unknown_names(dict.fromkeys(fixed_spellings(), "x"))) == []


@given(st.text(min_size=1, max_size=30))
def test_any_name_gets_at_most_one_sentence(rest: str) -> None:
    """Whatever stands behind the prefix, the answer is a sentence, and it names the variable."""
    for sentence in sentences(f"STANDDOWN_{rest}"):
        assert sentence.startswith(f"STANDDOWN_{rest} is not a setting; ")


@given(st.text(min_size=1, max_size=30))
def test_any_name_behind_the_accounts_prefix_gets_at_most_one_sentence(rest: str) -> None:
    """The same for names that look like an account's."""
    assert len(sentences(f"STANDDOWN_ACCOUNTS_{rest}")) <= 1
