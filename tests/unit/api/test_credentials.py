import os
from pathlib import Path

import pytest

from settings import Account
from worker.api.credential import Credential, CredentialsError
from worker.api.credentials import (
    QUIET_PARTLY_S,
    QUIET_S,
    FileCredentials,
    StaticCredentials,
    credentials_of,
)


class Clock:
    """A clock that stands until it is moved."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def write(folder: Path, **parts: str) -> dict[str, Path]:
    """Replace the files as a rotation does: a new file under the old name."""
    for field, text in parts.items():
        (folder / f"{field}.new").write_text(text + "\n")
        (folder / f"{field}.new").replace(folder / field)
    return {field: folder / field for field in parts}


def test_static() -> None:
    """Credentials from the settings never change."""
    one = Credential("AKIDone", "key")
    assert StaticCredentials(one).current() == one
    assert StaticCredentials(one).refresh(one) == one


def test_files_rotated(tmp_path: Path) -> None:
    """Rotated files sign once all of them have rested, and not before."""
    clock = Clock()
    source = FileCredentials(write(tmp_path, secret_id="AKID1", secret_key="key1"), {}, clock=clock)
    assert source.current() == Credential("AKID1", "key1")
    write(tmp_path, secret_id="AKID2", secret_key="key2")
    assert source.current() == Credential("AKID1", "key1")
    clock.now_s += QUIET_S
    assert source.current() == Credential("AKID2", "key2")
    assert source.current() == Credential("AKID2", "key2")


def test_rotation_half_way(tmp_path: Path) -> None:
    """While only the id has changed the old pair signs on, so that id and key of two generations never meet."""
    clock = Clock()
    source = FileCredentials(write(tmp_path, secret_id="AKID1", secret_key="key1"), {}, clock=clock)
    assert source.current() == Credential("AKID1", "key1")
    write(tmp_path, secret_id="AKID2")
    source.current()
    clock.now_s += QUIET_S + 1
    assert source.current() == Credential("AKID1", "key1")
    write(tmp_path, secret_key="key2")
    assert source.current() == Credential("AKID1", "key1")
    clock.now_s += QUIET_S
    assert source.current() == Credential("AKID2", "key2")


def test_one_file_corrected(tmp_path: Path) -> None:
    """Where one file alone was changed, and nothing follows, it counts in the end."""
    clock = Clock()
    source = FileCredentials(write(tmp_path, secret_id="AKID1", secret_key="typo"), {}, clock=clock)
    source.current()
    write(tmp_path, secret_key="key1")
    source.current()
    clock.now_s += QUIET_PARTLY_S
    assert source.current() == Credential("AKID1", "key1")


@pytest.mark.parametrize("content", ["", "two words", None])
def test_broken_rotation(tmp_path: Path, content: str | None) -> None:
    """Files that are empty, hold something else or vanish leave the old credential in use."""
    clock = Clock()
    source = FileCredentials(write(tmp_path, secret_id="AKID1", secret_key="key1"), {}, clock=clock)
    source.current()
    if content is None:
        (tmp_path / "secret_key").unlink()
    else:
        write(tmp_path, secret_id="AKID2", secret_key=content)
    source.current()
    clock.now_s += QUIET_PARTLY_S
    assert source.current() == Credential("AKID1", "key1")
    write(tmp_path, secret_id="AKID3", secret_key="key3")
    source.current()
    clock.now_s += QUIET_S
    assert source.current() == Credential("AKID3", "key3")


def test_kubernetes_rotation(tmp_path: Path) -> None:
    """A mounted secret is replaced by a link that is switched over: that is seen, though no file was written."""
    clock = Clock()
    for generation in ("1", "2"):
        (tmp_path / generation).mkdir()
        write(tmp_path / generation, secret_id=f"AKID{generation}", secret_key=f"key{generation}")
        for field in ("secret_id", "secret_key"):
            os.utime(tmp_path / generation / field, ns=(1, 1))
    (tmp_path / "data").symlink_to("1")
    files = {field: tmp_path / "data" / field for field in ("secret_id", "secret_key")}
    source = FileCredentials(files, {}, clock=clock)
    assert source.current() == Credential("AKID1", "key1")
    (tmp_path / "data.new").symlink_to("2")
    (tmp_path / "data.new").replace(tmp_path / "data")
    source.current()
    clock.now_s += QUIET_S
    assert source.current() == Credential("AKID2", "key2")


def test_refresh_reads_at_once(tmp_path: Path) -> None:
    """A credential that the API refused is read anew without waiting, but only by the first who was refused."""
    source = FileCredentials(
        write(tmp_path, secret_id="AKID1", secret_key="key1", token="t1"), {}, clock=Clock()
    )
    first = source.current()
    write(tmp_path, secret_id="AKID2", secret_key="key2", token="t2")
    second = source.refresh(first)
    assert second == Credential("AKID2", "key2", "t2")
    write(tmp_path, secret_id="AKID3", secret_key="key3", token="t3")
    assert source.refresh(first) == second


def test_nothing_to_start_with(tmp_path: Path) -> None:
    """Without a file at the start the reason is a sentence that names it, and quotes no content."""
    source = FileCredentials({"secret_key": tmp_path / "missing"}, {"secret_id": "AKID1"})
    with pytest.raises(CredentialsError, match="missing"):
        source.current()
    write(tmp_path, bad="PLANTED SECRET")
    with pytest.raises(CredentialsError) as caught:
        FileCredentials({"secret_key": tmp_path / "bad"}, {"secret_id": "AKID1"}).current()
    assert "PLANTED" not in str(caught.value)


def test_from_settings(tmp_path: Path) -> None:
    """An account's secrets are taken as given, or from their files where it has files."""
    plain = Account.model_validate({"name": "a", "secret_id": "AKID1", "secret_key": "key1", "token": "t"})
    assert credentials_of(plain, {}).current() == Credential("AKID1", "key1", "t")
    files = write(tmp_path, secret_key="key2")
    mixed = Account.model_validate(
        {"name": "a", "secret_id": "AKID1", "secret_key": "old", "secret_key_file": files["secret_key"]}
    )
    assert credentials_of(mixed, {}).current() == Credential("AKID1", "key2")


def test_account_without_credentials() -> None:
    """An account that cannot sign is told so at start-up, by name."""
    with pytest.raises(CredentialsError, match="'a' has no secret_id and no secret_key"):
        credentials_of(Account.model_validate({"name": "a"}), {})
