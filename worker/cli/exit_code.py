"""The exit codes of every `standdown` command, for scripts."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What a script may branch on; the same for every command."""

    OK = 0
    NOT_CANCELLED = 1  # it ran, but some command ended refused, expired or aborted
    BAD_INPUT = 2  # wrong usage, or input that must be corrected; nothing was enqueued (click's own code)
    BAD_SETTINGS = 3  # the settings must be corrected; all problems were printed
    UNREACHABLE = 4  # broker, state or address not to be had; try again
    TIMED_OUT = 5  # --wait ended before the outcome was known; the command lives on
    INTERRUPTED = 130
