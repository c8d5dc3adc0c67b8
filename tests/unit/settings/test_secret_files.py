"""Secrets and URLs from files."""

from pathlib import Path

import pytest

from settings import SettingsError, load, read_secret_file
from settings.root import GROUPS
from settings.secret_file import FILE_MAX_BYTES
from settings.variable import account_variables, group_variables


def problem(environ: dict[str, str]) -> str:
    with pytest.raises(SettingsError) as refused:
        load(environ)
    (sentence,) = refused.value.problems
    return sentence


def test_a_secret_may_be_in_a_file_which_is_remembered(tmp_path: Path) -> None:
    """The path stays on the account, so that a rotated secret can be read again without a restart."""
    key = tmp_path / "key"
    key.write_text("plantedkey\n")
    environ = {
        "STANDDOWN_ACCOUNTS__EU__SECRET_ID": "AKID",
        "STANDDOWN_ACCOUNTS__EU__SECRET_KEY_FILE": str(key),
    }
    account = load(environ).accounts["eu"]
    assert account.secret_key is not None
    assert account.secret_key.get_secret_value() == "plantedkey"
    assert (account.secret_key_file, account.secret_id_file) == (key, None)
    key.write_text("rotated\r\n")
    assert read_secret_file(key) == "rotated"


def test_a_url_may_be_in_a_file(tmp_path: Path) -> None:
    """Wrong content is a sentence with variable, path and the masked URL."""
    file = tmp_path / "url"
    file.write_text("redis://u:planted@h\n")
    loaded = load({"STANDDOWN_BROKER_URL_FILE": str(file)})
    assert loaded.broker.kind == "redis"
    file.write_text("http://u:planted@h\n")
    sentence = problem({"STANDDOWN_BROKER_URL_FILE": str(file)})
    assert sentence.startswith(f"STANDDOWN_BROKER_URL (in {file}) must begin with amqp://")
    assert "planted" not in sentence


def test_every_secret_and_url_has_a_file_variant() -> None:
    """What may hold a secret may stay out of the environment."""
    variables = [one for group in GROUPS.values() for one in group_variables(group)] + account_variables("eu")
    assert {one.name.removeprefix("STANDDOWN_") for one in variables if one.from_file} == {
        "BROKER_URL",
        "STATE_URL",
        "API_BASE_URL",
        "API_PROXY_URL",
        "ACCOUNTS__EU__SECRET_ID",
        "ACCOUNTS__EU__SECRET_KEY",
        "ACCOUNTS__EU__TOKEN",
    }


def test_value_and_file_together_are_a_problem(tmp_path: Path) -> None:
    """It must be clear which one is in force."""
    sentence = problem(
        {"STANDDOWN_BROKER_URL": "redis://h", "STANDDOWN_BROKER_URL_FILE": str(tmp_path / "url")}
    )
    assert sentence == "STANDDOWN_BROKER_URL and STANDDOWN_BROKER_URL_FILE are both set; give one of them"


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (None, "which does not exist"),
        (b"", "which is empty"),
        (b" \n\n", "which is empty"),
        (b"x" * (FILE_MAX_BYTES + 1), f"which is longer than {FILE_MAX_BYTES} bytes: is it the right file?"),
        (b"\xff\xfe", "which is not text"),
    ],
)
def test_a_file_that_holds_no_value_is_a_problem(tmp_path: Path, content: bytes | None, wrong: str) -> None:
    """The sentence names variable and path."""
    file = tmp_path / "url"
    if content is not None:
        file.write_bytes(content)
    assert (
        problem({"STANDDOWN_BROKER_URL_FILE": str(file)})
        == f"STANDDOWN_BROKER_URL_FILE names {file}, {wrong}"
    )


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """What cannot be read is told with the system's reason."""
    sentence = problem({"STANDDOWN_BROKER_URL_FILE": str(tmp_path)})
    assert sentence == f"STANDDOWN_BROKER_URL_FILE names {tmp_path}, which cannot be read (Is a directory)"


def test_a_secret_in_place_of_a_path_is_not_quoted() -> None:
    """Who puts the key itself under the name of its file does not find it in the log."""
    with pytest.raises(SettingsError) as refused:
        load({"TENCENTCLOUD_SECRET_ID": "AKID", "TENCENTCLOUD_SECRET_KEY_FILE": "plantedkey"})
    assert "TENCENTCLOUD_SECRET_KEY_FILE must be the absolute path" in str(refused.value)
    assert "planted" not in str(refused.value)
