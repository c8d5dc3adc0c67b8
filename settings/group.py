"""What every group of settings has in common: frozen, nothing unknown, and a prefix for its variables.

The variable of a field is the group's prefix and the field's name in capitals. This is why the groups are
plain models and not `BaseSettings`: those read the process environment whenever one is made, spell nested
names otherwise than we do, and know neither `…_FILE`, nor origins, nor our sentences.
"""

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict


class Group(BaseModel):
    """Settings that belong together."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, allow_inf_nan=False)

    PREFIX: ClassVar[str]


def _absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError(f"must be an absolute path, got {str(path)!r}")
    return path


def _file(path: Path) -> Path:
    if not path.is_file():
        raise ValueError(f"must name a file, but there is none at {str(path)!r}")
    return path


AbsolutePath = Annotated[Path, AfterValidator(_absolute)]
"""A path that means the same in every process, whatever its working folder."""
ExistingFile = Annotated[AbsolutePath, AfterValidator(_file)]
