"""That the three packages come from one installation."""

import subprocess
import sys
from pathlib import Path

import worker.cli.main
from settings.one_place import same_place


def test_packages_side_by_side_are_fine() -> None:
    """One folder is one place."""
    assert same_place({name: Path("/app") / name for name in ("settings", "tasks", "worker")}) is None


def test_a_package_from_elsewhere_is_named_with_its_place() -> None:
    """The sentence says which package comes from where."""
    problem = same_place({"settings": Path("/other/settings.py"), "tasks": Path("/app/tasks")})
    assert problem is not None
    assert "settings from /other, tasks from /app" in problem


def test_a_link_to_the_same_folder_is_the_same_place(tmp_path: Path) -> None:
    """What counts is where the files are, not how the path is written."""
    (tmp_path / "app").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "app")
    assert same_place({"tasks": tmp_path / "app/tasks", "worker": tmp_path / "link/worker"}) is None


def test_start_up_refuses_a_foreign_settings_without_running_it(tmp_path: Path) -> None:
    """A stranger's settings.py first on the path ends the start with a sentence, and does not run."""
    (tmp_path / "settings.py").write_text("raise SystemExit('foreign code ran')")
    ours = Path(worker.cli.main.__file__).parents[2]
    run = subprocess.run(
        [sys.executable, "-m", "worker.cli.main", "config"],
        env={"PYTHONPATH": f"{tmp_path}:{ours}"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stdout) == (3, "")
    assert f"settings from {tmp_path}" in run.stderr
    assert "foreign code ran" not in run.stderr
