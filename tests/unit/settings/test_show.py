"""What is shown of the settings, and that no secret is."""

import json
from pathlib import Path

from settings import Settings, load, show
from worker.cli.config import as_json, as_lines


def planted(folder: Path) -> Settings:
    """Settings with a secret wherever one can be."""
    key = folder / "key"
    key.write_text("planted1\n")
    return load(
        {
            "STANDDOWN_BROKER_URL": "amqps://u:planted2@mq:5671/v",
            "STANDDOWN_STATE_URL": "rediss://:planted3@redis:6380/1",
            "STANDDOWN_API_PROXY_URL": "http://u:planted4@proxy:3128",
            "TENCENTCLOUD_SECRET_ID": "planted5",
            "TENCENTCLOUD_SECRET_KEY_FILE": str(key),
            "TENCENTCLOUD_TOKEN": "planted6",
            "STANDDOWN_ACCOUNTS__EU__SECRET_ID": "planted7",
            "STANDDOWN_ACCOUNTS__EU__SECRET_KEY": "planted8",
        }
    )


def test_no_secret_is_in_any_text_of_the_settings(tmp_path: Path) -> None:
    """Neither repr, str, dump, JSON nor what the command prints shows one."""
    settings = planted(tmp_path)
    texts = [
        repr(settings),
        str(settings),
        repr(settings.broker),
        repr(settings.broker.kombu_url),
        repr(settings.state.redis_url),
        repr(settings.accounts),
        str(settings.accounts["eu"]),
        str(settings.model_dump()),
        settings.model_dump_json(),
        repr(show(settings)),
        as_lines(show(settings)),
        as_json(show(settings)),
        str(vars(settings)),
    ]
    assert [text for text in texts if "planted" in text] == []


def test_each_setting_is_shown_with_its_origin(tmp_path: Path) -> None:
    """People see what is in force and where it was said."""
    rows = {row.name: row for row in show(planted(tmp_path))}
    assert rows["STANDDOWN_BROKER_URL"][1:] == ("amqps://u:***@mq:5671/v", "environment")
    assert rows["STANDDOWN_LIMIT_PER_S"][1:] == ("20", "default")
    assert rows["TENCENTCLOUD_SECRET_KEY"][1:] == ("********", f"file {tmp_path / 'key'}")
    assert rows["TENCENTCLOUD_TOKEN"][1:] == ("********", "environment")
    assert rows["STANDDOWN_ACCOUNTS__EU__TOKEN"][1:] == ("", "default")
    assert rows["STANDDOWN_ACCOUNTS__EU__LIMIT_PER_S"][1:] == ("20", "default, STANDDOWN_LIMIT_PER_S")


def test_a_default_that_follows_another_setting_says_so() -> None:
    """The state's URL is nobody's wish but follows from the broker's."""
    rows = {row.name: row for row in show(load({"STANDDOWN_BROKER_URL": "redis://h"}))}
    assert rows["STANDDOWN_STATE_URL"][1:] == ("redis://h", "default, STANDDOWN_BROKER_URL")


def test_the_shown_names_can_be_set() -> None:
    """Each line, put back into the environment, gives the same settings."""
    environ = {
        "STANDDOWN_BROKER_URL": "redis://h/3",
        "STANDDOWN_ALLOWED_BUCKETS": "a-*,b-1",
        "STANDDOWN_LIMIT_GUARD_MS": "7.5",
    }
    first = load(environ)
    again = load({row.name: row.value for row in show(first)})
    assert again.model_dump(exclude={"accounts"}) == first.model_dump(exclude={"accounts"})
    assert again.accounts["default"].allowed_buckets == ("a-*", "b-1")


def test_lines_and_json_carry_the_same_rows() -> None:
    """The two forms for machines say the same; JSON has null for what is not set."""
    rows = show(load({}))
    assert "STANDDOWN_LIMIT_PER_S=20  # default" in as_lines(rows).splitlines()
    parsed = json.loads(as_json(rows))
    assert len(parsed) == len(rows) == len(as_lines(rows).splitlines())
    assert {"name": "STANDDOWN_BROKER_URL", "value": None, "origin": "default"} in parsed
