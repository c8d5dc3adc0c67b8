"""Accounts: where they come from, which credentials make sense, what they may touch."""

import pytest

import settings.account
import tasks.command
from settings import Account, SettingsError, load

PAIR = {"TENCENTCLOUD_SECRET_ID": "AKIDplanted", "TENCENTCLOUD_SECRET_KEY": "plantedkey"}


def problems(environ: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        load(environ)
    return refused.value.problems


def test_the_name_rules_of_commands_and_settings_are_one() -> None:
    """A configured account can be named by a command, and the other way round."""
    assert settings.account.ACCOUNT_NAME_RULE == tasks.command.NAME_RULE


def test_the_default_account_has_the_vendors_names() -> None:
    """Who already has Tencent's variables set needs no other."""
    account = load({**PAIR, "TENCENTCLOUD_SECURITY_TOKEN": "plantedtoken"}).accounts["default"]
    assert account.has_credentials
    assert account.secret_id is not None
    assert account.secret_id.get_secret_value() == "AKIDplanted"
    assert account.token is not None
    assert account.token.get_secret_value() == "plantedtoken"


def test_more_accounts_have_their_name_in_the_variable() -> None:
    """EU_WEST is the account eu-west, and its limit is its own."""
    loaded = load(
        {
            "STANDDOWN_LIMIT_PER_S": "30",
            "STANDDOWN_ACCOUNTS__EU_WEST__SECRET_ID": "AKIDplanted",
            "STANDDOWN_ACCOUNTS__EU_WEST__SECRET_KEY": "plantedkey",
            "STANDDOWN_ACCOUNTS__EU_WEST__LIMIT_PER_S": "7",
            "STANDDOWN_ACCOUNTS__US__CREDENTIALS": "chain",
        }
    )
    assert list(loaded.accounts) == ["eu-west", "us"]
    assert (loaded.accounts["eu-west"].per_s, loaded.accounts["us"].per_s) == (7, 30)
    assert loaded.accounts["us"].has_credentials


def test_the_default_account_is_there_beside_others_only_when_configured() -> None:
    """No nodes for an account that nobody set up, but plain variables always mean it."""
    other = {"STANDDOWN_ACCOUNTS__US__CREDENTIALS": "chain"}
    assert list(load(other).accounts) == ["us"]
    assert list(load({**other, **PAIR}).accounts) == ["default", "us"]
    assert list(load({**other, "STANDDOWN_ALLOWED_BUCKETS": "a-*"}).accounts) == ["default", "us"]


@pytest.mark.parametrize("given", ["TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY"])
def test_half_a_pair_is_a_problem(given: str) -> None:
    """An id without its key can only be a mistake."""
    (missing,) = set(PAIR) - {given}
    assert problems({given: "planted"}) == [
        f"{missing} is missing: {given} is set, and id and key work only together"
    ]


def test_a_token_needs_its_pair() -> None:
    """A session token signs nothing by itself."""
    assert len(problems({"TENCENTCLOUD_TOKEN": "planted"})) == 2
    (problem,) = problems({"TENCENTCLOUD_TOKEN": "planted", "TENCENTCLOUD_SECRET_ID": "AKID"})
    assert problem.startswith(
        "TENCENTCLOUD_SECRET_KEY is missing: TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_TOKEN are"
    )


def test_chain_and_secrets_exclude_each_other() -> None:
    """It must be clear which credentials are in force."""
    (problem,) = problems({**PAIR, "STANDDOWN_CREDENTIALS": "chain"})
    assert problem.startswith("STANDDOWN_CREDENTIALS is chain, so TENCENTCLOUD_SECRET_ID and")


@pytest.mark.parametrize("key", ["planted key", "planted\nkey", " planted", "planted\n", "plantéd"])
def test_white_space_inside_a_secret_is_a_problem(key: str) -> None:
    """A key copied with too much is refused, and not quoted."""
    (problem,) = problems({**PAIR, "TENCENTCLOUD_SECRET_KEY": key})
    assert problem.startswith("TENCENTCLOUD_SECRET_KEY must be plain ASCII without spaces or line breaks")
    assert "plant" not in problem


def test_two_names_for_one_setting_must_agree() -> None:
    """Both token names are fine with the same value, and a problem with different ones."""
    both = {**PAIR, "TENCENTCLOUD_TOKEN": "planted", "TENCENTCLOUD_SECURITY_TOKEN": "planted"}
    assert load(both).accounts["default"].token is not None
    (problem,) = problems({**both, "TENCENTCLOUD_SECURITY_TOKEN": "other"})
    assert problem == "TENCENTCLOUD_TOKEN and TENCENTCLOUD_SECURITY_TOKEN are both set; give one of them"


def test_an_account_name_must_be_one_that_commands_can_carry() -> None:
    """A name that no command could name is told, with the rule."""
    assert any(
        "names the account 'eu-'" in one for one in problems({"STANDDOWN_ACCOUNTS__EU___LIMIT_PER_S": "3"})
    )


def test_allowed_buckets_are_patterns_and_allowed_regions_are_names() -> None:
    """Only what matches may be sent; an empty list allows all."""
    account = load(
        {"STANDDOWN_ALLOWED_BUCKETS": "live-*-1250000000, one-1", "STANDDOWN_ALLOWED_REGIONS": "ap-beijing"}
    ).accounts["default"]
    assert account.allowed_buckets == ("live-*-1250000000", "one-1")
    assert account.allows_bucket("live-a-1250000000")
    assert not account.allows_bucket("live-a-1250000001")
    assert account.allows_region("ap-beijing")
    assert not account.allows_region("ap-shanghai")
    anything = Account(name="any")
    assert anything.allows_bucket("b-1")
    assert anything.allows_region("ap-beijing")


@pytest.mark.parametrize("patterns", [",", "a,,b", "a b", "A-1", " "])
def test_a_broken_list_never_means_everything(patterns: str) -> None:
    """A list with an empty or impossible item is refused: the fence must not fall by a typing error."""
    assert len(problems({"STANDDOWN_ALLOWED_BUCKETS": patterns})) == 1
