"""Whether the packages of standdown come from one installation.

Their names are generic, so another package of the same name may stand first on the path. This file imports
nothing of ours: it is asked before any import can be trusted.
"""

from collections.abc import Mapping
from pathlib import Path


def same_place(paths: Mapping[str, Path]) -> str | None:
    """A sentence where the packages, name to folder or file, do not lie side by side; None where they do."""
    if len({path.resolve().parent for path in paths.values()}) <= 1:
        return None
    places = ", ".join(f"{name} from {path.parent}" for name, path in paths.items())
    return (
        f"standdown does not start: its packages must come from one place, but Python finds {places}. "
        "Install it in a virtual environment of its own, and look for these folders in the working folder "
        "and in PYTHONPATH."
    )
