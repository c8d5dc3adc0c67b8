"""Turns found texts into a group, and pydantic's errors into sentences: what was expected, what came."""

import types
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from settings.group import Group
from settings.reading import Found

AnyGroup = TypeVar("AnyGroup", bound=Group)


def build(
    group: type[AnyGroup], found: Mapping[str, Found], fixed: Mapping[str, Any]
) -> tuple[AnyGroup, dict[str, str]]:
    """The group of these values, and a sentence for each field that is wrong.

    A wrong field has its default in the group, so that what depends on the others can be checked as well.
    `fixed` are values of our own, which are not wrong.
    """
    values = {field: text.value for field, text in found.items()}
    try:
        return group.model_validate({**fixed, **values}), {}
    except ValidationError as invalid:
        errors = {str(error["loc"][0]): error for error in invalid.errors(include_url=False)}
    wrong = {
        field: sentence(found[field], group.model_fields[field], error["type"], error["msg"])
        for field, error in errors.items()
    }
    right = {field: value for field, value in values.items() if field not in wrong}
    return group.model_validate({**fixed, **right}), wrong


def sentence(found: Found, info: FieldInfo, error_type: str, error_text: str) -> str:
    """What is wrong with `found`. Only values of numbers and choices are quoted: those are never secret."""
    place = f" (in {found.file})" if found.file else ""
    expected = expectation(info)
    if expected is not None:
        came = found.value if len(found.value) <= 80 else found.value[:79] + "…"
        return f"{found.name}{place} must be {expected}, got {came!r}"
    if error_type == "value_error":  # our own validators', which are safe to show
        return f"{found.name}{place} {error_text.removeprefix('Value error, ')}"
    return f"{found.name}{place} cannot be read"


def expectation(info: FieldInfo) -> str | None:
    """What a number or a choice must be, in words; None for anything else."""
    kind, metadata = info.annotation, list(info.metadata)
    if get_origin(kind) in (Union, types.UnionType):
        kind = next(part for part in get_args(kind) if part is not type(None))
    if get_origin(kind) is Literal:
        choices = [str(choice) for choice in get_args(kind)]
        return f"{', '.join(choices[:-1])} or {choices[-1]}"
    if kind not in (int, float):
        return None
    lowest = next(one.ge for one in metadata if isinstance(one, Ge))
    highest = next(one.le for one in metadata if isinstance(one, Le))
    return f"a {'whole ' if kind is int else ''}number from {lowest} to {highest}"
