"""Secrets from files: the way of Docker and Kubernetes, where `env` does not show them."""

from pathlib import Path

FILE_MAX_BYTES = 16_384
"""Session tokens are the longest secret, at most 4,096 bytes; more is another file by mistake.

Source: `Token` among the data types of Tencent's STS, doc 1150/49457; four times that for growth.
"""


def read_secret_file(path: Path) -> str:
    """The text of `path` without the white space at its end, which editors and `echo` put there.

    Raises ValueError whose text names the path, says what is wrong and never quotes the content.
    """
    try:
        with path.open("rb") as file:
            content = file.read(FILE_MAX_BYTES + 1)
    except FileNotFoundError:
        raise ValueError(f"names {path}, which does not exist") from None
    except OSError as problem:
        raise ValueError(f"names {path}, which cannot be read ({problem.strerror})") from None
    if len(content) > FILE_MAX_BYTES:
        raise ValueError(f"names {path}, which is longer than {FILE_MAX_BYTES} bytes: is it the right file?")
    try:
        text = content.decode().rstrip()
    except UnicodeDecodeError:
        raise ValueError(f"names {path}, which is not text") from None
    if not text:
        raise ValueError(f"names {path}, which is empty")
    return text
