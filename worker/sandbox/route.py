"""Which operation on which job of which bucket a request means, or why it means none."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from sys import intern
from typing import Literal

from worker.sandbox.http import Request
from worker.sandbox.job import JOB_ID_RULE
from worker.sandbox.options import SandboxOptions

Operation = Literal["cancel", "query"]

CANCEL_PATH = "/video/cancel_auditing/"
QUERY_PATH = "/video/auditing/"

_BUCKET_HOST = re.compile(
    r"(?P<bucket>[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?-[0-9]{5,20})"
    r"\.ci\.(?P<region>[a-z]{2,12}(?:-[a-z0-9]{1,20}){1,3})\.(?P<suffix>[a-z0-9.-]+?)(?::[0-9]{1,5})?"
)
"""Source: doc 436/13312 (bucket names), 436/6224 (regions)."""


@dataclass(frozen=True, slots=True)
class Target:
    """What the request is about. `job_id` is as sent, well-formed or not."""

    operation: Operation
    job_id: str
    bucket: str
    region: str


@dataclass(frozen=True, slots=True)
class NoTarget:
    """Why it is about nothing, as the API answers."""

    status: int
    code: str
    message: str
    headers: tuple[tuple[str, str], ...] = ()


def target_of(request: Request, options: SandboxOptions) -> Target | NoTarget:
    """The job that is meant. Asked in the order of a gateway: path, method, framing, host."""
    found = operation_of(request.path)
    if found is None:
        return NoTarget(404, "InvalidUrl", "The URL is invalid.")
    operation, job_id = found
    method = "POST" if operation == "cancel" else "GET"
    if request.method != method:
        message = "The method is not allowed against this resource."
        return NoTarget(405, "MethodNotAllowed", message, (("Allow", method),))
    if method == "POST" and "content-length" not in request.headers:
        return NoTarget(411, "MissingContentLength", "The Content-Length header is missing.")
    host = bucket_and_region(request.headers.get("host", ""), options.suffixes)
    if host is None:
        return NoTarget(404, "NoSuchBucket", "Host must be <BucketName-APPID>.ci.<Region>.myqcloud.com.")
    bucket, region = host
    if options.buckets and bucket not in options.buckets and bucket not in options.unbound_buckets:
        return NoTarget(404, "NoSuchBucket", "The specified bucket does not exist.")
    if bucket in options.unbound_buckets:
        return NoTarget(400, "MediaBucketUnBinded", "The bucket is not bound to Cloud Infinite.")
    return Target(operation, job_id, bucket, region)


def operation_of(path: str) -> tuple[Operation, str] | None:
    """The operation of a path and the job id as sent; None for every path the API does not have."""
    operations: tuple[tuple[Operation, str], ...] = (("cancel", CANCEL_PATH), ("query", QUERY_PATH))
    for operation, prefix in operations:
        if path.startswith(prefix):
            job_id = path[len(prefix) :]
            return (operation, job_id) if job_id and "/" not in job_id else None
    return None


def bucket_and_region(host: str, suffixes: Sequence[str]) -> tuple[str, str] | None:
    """Bucket and region of a Host header, if it is one of this API's."""
    found = _BUCKET_HOST.fullmatch(host.lower())
    if found is None or found["suffix"] not in suffixes:
        return None
    return intern(found["bucket"]), intern(found["region"])  # few values, held by every job


def is_job_id(text: str) -> bool:
    """Whether a job can have this id."""
    return JOB_ID_RULE.fullmatch(text) is not None
