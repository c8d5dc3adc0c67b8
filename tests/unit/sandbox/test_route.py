"""Which job a request means."""

import pytest

from worker.sandbox.http import Request
from worker.sandbox.options import SandboxOptions
from worker.sandbox.route import NoTarget, Target, target_of

HOST = "examplebucket-1250000000.ci.ap-beijing.myqcloud.com"
CANCEL = "/video/cancel_auditing/av1"


def meant(method="POST", path=CANCEL, host=HOST, length="0", **options):
    headers = {"host": host} | ({} if length is None else {"content-length": length})
    return target_of(Request(method, path, "", headers), SandboxOptions(**options))


def test_a_cancel_and_a_query_name_their_job_bucket_and_region():
    """Both documented calls are known, on the backup domain and behind a port too."""
    bucket = "examplebucket-1250000000"
    assert meant() == Target("cancel", "av1", bucket, "ap-beijing")
    query = meant("GET", "/video/auditing/av1", f"{bucket}.ci.ap-beijing.tencentci.cn:9000", None)
    assert query == Target("query", "av1", bucket, "ap-beijing")


@pytest.mark.parametrize(
    ("options", "status", "code"),
    [
        ({"path": "/video/cancel/av1"}, 404, "InvalidUrl"),
        ({"path": "/video/cancel_auditing/"}, 404, "InvalidUrl"),
        ({"path": "/video/cancel_auditing/av1/x"}, 404, "InvalidUrl"),
        ({"method": "PUT"}, 405, "MethodNotAllowed"),
        ({"method": "POST", "path": "/video/auditing/av1"}, 405, "MethodNotAllowed"),
        ({"length": None}, 411, "MissingContentLength"),
        ({"host": "127.0.0.1:9000"}, 404, "NoSuchBucket"),
        ({"host": "nobucket.ci.ap-beijing.myqcloud.com"}, 404, "NoSuchBucket"),
        ({"host": HOST.replace(".ci.", ".cos.")}, 404, "NoSuchBucket"),
        ({"host": HOST + ".example"}, 404, "NoSuchBucket"),
        ({"buckets": frozenset({"other-1250000000"})}, 404, "NoSuchBucket"),
        ({"unbound_buckets": frozenset({"examplebucket-1250000000"})}, 400, "MediaBucketUnBinded"),
    ],
)
def test_what_means_no_job_is_answered_with_its_documented_code(options, status, code):
    """A wrong path or bucket is never answered as a job that is gone."""
    found = meant(**options)
    assert isinstance(found, NoTarget)
    assert (found.status, found.code) == (status, code)
