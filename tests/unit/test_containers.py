"""What can be told of the image and the compose file without a container engine."""

import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
NODE_GRACE_S = 30
"""What a node gives its own work at the end; the container must be given longer."""

Compose = dict[str, Any]


@pytest.fixture
def compose() -> Compose:
    loaded: Compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return loaded


@pytest.fixture
def services(compose: Compose) -> dict[str, Compose]:
    found: dict[str, Compose] = compose["services"]
    return found


@pytest.fixture
def instructions() -> list[tuple[str, str]]:
    """Each instruction of the Dockerfile with its text, continued lines joined."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines) if word]


def test_every_service_has_a_health_check_or_a_reason(services: dict[str, Compose]) -> None:
    """A service without a health check says why."""
    assert {"node-urgent", "node-bulk", "rabbitmq", "redis", "sandbox"} <= set(services)
    for name, service in services.items():
        assert ("healthcheck" in service) != ("x-no-healthcheck" in service), name


def test_every_service_restarts_and_has_a_fixed_image(services: dict[str, Compose]) -> None:
    """A tag that does not move on its own: never `latest`, never none."""
    for name, service in services.items():
        assert service["restart"] == "unless-stopped", name
        image, colon, tag = service["image"].rpartition(":")
        assert image, name
        assert colon, name
        assert tag != "latest", name


def test_one_node_for_each_lane(services: dict[str, Compose]) -> None:
    """Each lane has a container of its own, which is given longer to end than the node gives itself."""
    for lane in ("urgent", "bulk"):
        node = services[f"node-{lane}"]
        assert node["command"] == ["worker", "--account", "default", "--lane", lane]
        assert int(node["stop_grace_period"].removesuffix("s")) > NODE_GRACE_S


def test_secrets_are_files(compose: Compose, services: dict[str, Compose]) -> None:
    """Credentials reach a container as files under ./secrets, which git does not know; never as values."""
    for name, secret in compose["secrets"].items():
        assert secret["file"].startswith("./secrets/"), name
    assert "/secrets/" in (ROOT / ".gitignore").read_text().splitlines()
    for name, service in services.items():
        given = {item if isinstance(item, str) else item["source"] for item in service.get("secrets", [])}
        assert given <= set(compose["secrets"]), name
        for variable, value in service.get("environment", {}).items():
            if re.search("SECRET|TOKEN|PASS|BROKER_URL", variable):
                assert variable.endswith("_FILE"), f"{name} gives {variable} as a value"
                assert value.removeprefix("/run/secrets/") in given, f"{name}: {variable} names no secret"
            assert "@" not in str(value), f"{name}: {variable} holds a password"
    expected = {"TENCENTCLOUD_SECRET_ID_FILE", "TENCENTCLOUD_SECRET_KEY_FILE", "STANDDOWN_BROKER_URL_FILE"}
    assert expected <= set(services["node-urgent"]["environment"])


def test_nothing_but_the_sandbox_is_published(services: dict[str, Compose]) -> None:
    """And the sandbox to this machine only, and only when it is asked for."""
    assert [name for name, service in services.items() if "ports" in service] == ["sandbox"]
    assert all(port.startswith("127.0.0.1:") for port in services["sandbox"]["ports"])
    assert services["sandbox"]["profiles"] == ["sandbox"]


def test_the_servers_keep_what_they_were_given(compose: Compose, services: dict[str, Compose]) -> None:
    """Redis writes an append-only file and evicts nothing; both servers have a volume."""
    command = " ".join(services["redis"]["command"])
    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command
    for name in ("redis", "rabbitmq"):
        (volume,) = services[name]["volumes"]
        assert volume.split(":")[0] in compose["volumes"]


def test_the_image_runs_as_nobody_in_particular(instructions: list[tuple[str, str]]) -> None:
    """The last stage has a numeric user that is not root, and starts `standdown`."""
    last_stage = instructions[max(i for i, (word, _) in enumerate(instructions) if word == "FROM") :]
    (user,) = [rest for word, rest in last_stage if word == "USER"]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    assert [rest for word, rest in last_stage if word == "ENTRYPOINT"] == ['["standdown"]']
    assert "RUN" not in [word for word, _ in last_stage], "the final image only receives what was built"


def test_the_image_is_built_from_the_lock(instructions: list[tuple[str, str]]) -> None:
    """Every install is by hash, or of our own wheel without an index."""
    installs = [
        step
        for word, rest in instructions
        if word == "RUN"
        for step in rest.split("&&")
        if " install " in step
    ]
    assert any("requirements.runtime.lock" in step for step in installs)
    for step in installs:
        assert "--no-deps" in step
        assert ("--require-hashes" in step and "-r requirements." in step) or "--no-index" in step, step
    for word, rest in instructions:
        if word == "FROM":
            assert re.match(r"\S+:(?!latest)\S+", rest), rest


def test_the_lock_of_the_image_holds_nothing_for_tests() -> None:
    """The image gets a part of the lock: the same versions, and no tools."""
    whole, part = (pins(ROOT / name) for name in ("requirements.lock", "requirements.runtime.lock"))
    assert part <= whole
    assert not {"pytest", "hypothesis", "mypy", "ruff", "uv", "hatchling"} & {
        pin.split("==")[0] for pin in part
    }
    assert "celery" in {pin.split("==")[0] for pin in part}


def test_the_lock_is_of_this_pyproject() -> None:
    """Every dependency named in pyproject.toml is locked for that reason, and none that is no longer named."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    named = [
        *project["project"]["dependencies"],
        *project["project"]["optional-dependencies"]["credentials"],
        *project["dependency-groups"]["dev"],
    ]
    blocks = re.split(r"\n(?=[a-z])", (ROOT / "requirements.lock").read_text())
    locked = {
        block.split("==")[0]
        for block in blocks
        if re.search(r"# .*standdown \(pyproject\.toml|standdown:dev", block)
    }
    assert {re.split(r"[\[<>=; ]", line)[0].lower() for line in named} == locked, "run: make lock"


@pytest.mark.parametrize("name", ["requirements.lock", "requirements.runtime.lock"])
def test_a_lock_has_hashes_and_no_address(name: str) -> None:
    """Where packages come from is the machine's business."""
    text = (ROOT / name).read_text()
    assert "://" not in text
    assert not re.search(r"^\s*(-i|-f|--(extra-)?index-url|--find-links)\b", text, re.MULTILINE)
    blocks = re.split(r"\n(?=[a-z])", text)
    for block in (block for block in blocks if "==" in block):
        assert "--hash=sha256:" in block, block.splitlines()[0]


def test_what_the_dockerfile_copies_is_there(instructions: list[tuple[str, str]]) -> None:
    """Every COPY source exists and is let through by .dockerignore."""
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    let_through = [line.removeprefix("!") for line in ignore if line.startswith("!")]
    assert "*" in ignore
    for word, rest in instructions:
        if word == "COPY" and "--from=" not in rest:
            for source in rest.split()[:-1]:
                assert (ROOT / source).exists(), source
                assert any(fnmatch(source, pattern) for pattern in let_through), source


def pins(lock: Path) -> set[str]:
    return set(re.findall(r"^[a-z0-9.-]+==\S+", lock.read_text(), re.MULTILINE))
