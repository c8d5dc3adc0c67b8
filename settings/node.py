"""How many hands do the work, and how long they get to finish it."""

from typing import ClassVar

from pydantic import Field

from settings.group import Group


class Node(Group):
    """A node is one process that serves one lane of one account."""

    PREFIX: ClassVar[str] = "STANDDOWN_NODE_"

    # 20 requests a second that take 0.8 s each keep 16 threads busy (arithmetic, not measured)
    threads: int = Field(default=16, ge=1, le=256)
    # the limiter, not the number of nodes, sets the pace; a second node is for a second machine
    urgent_nodes: int = Field(default=1, ge=1, le=64)
    bulk_nodes: int = Field(default=1, ge=1, le=64)
    # Kubernetes' terminationGracePeriodSeconds; longer than the longest call, which no signal interrupts
    grace_s: float = Field(default=30.0, ge=1, le=600)
