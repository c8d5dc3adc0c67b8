"""The sandbox's own verifier, against the documents' vectors."""

import time
from urllib.parse import quote

import pytest

from worker.sandbox.options import Credential
from worker.sandbox.verify import Rejected, Verified, format_string, signature, string_to_sign, verdict

K2 = Credential("AKIDQjz3ltompVjBni5LitkWHFlFpwkn9U5q", "BQYIM75p8x0iWVFSIgqEKwFprpRSVHlz")
CI_HOST = "examplebucket-1250000000.ci.ap-beijing.myqcloud.com"
COS_HOST = "examplebucket-1250000000.cos.ap-beijing.myqcloud.com"
CANCEL = "/video/cancel_auditing/vab1ca9fc8a3ed11ea834c525400863904"
OBJECT = "/exampleobject" + quote("(腾讯云)")
NOW_S = 1497530300
TIMES = "1497530202;1497610202"

VECTORS = [
    pytest.param(
        K2.secret_key,
        "1557989151;1557996351",
        ("PUT", OBJECT, ""),
        {
            "date": "Thu, 16 May 2019 06:45:51 GMT",
            "host": COS_HOST,
            "content-type": "text/plain",
            "content-length": "13",
            "content-md5": "mQ/fVh815F3k6TAUm8m0eg==",
            "x-cos-acl": "private",
            "x-cos-grant-read": 'uin="100000000011"',
        },
        "",
        "3b8851a11a569213c17ba8fa7dcf2abec6935172",
        id="436/7778-upload",
    ),
    pytest.param(
        K2.secret_key,
        "1557989753;1557996953",
        (
            "GET",
            OBJECT,
            "response-content-type=application%2Foctet-stream&response-cache-control=max-age%3D600",
        ),
        {"date": "Thu, 16 May 2019 06:55:53 GMT", "host": COS_HOST},
        "response-cache-control;response-content-type",
        "01681b8c9d798a678e43b685a9f1bba0f6c0e012",
        id="436/7778-download",
    ),
    pytest.param(
        "AKIDZfbOA78asKUYBcXFrJD0a1ICvR98JM",
        "1480932292;1481012292",
        ("PUT", "/testfile2", ""),
        {
            "host": "testbucket-125000000.cos.ap-guangzhou.myqcloud.com",
            "x-cos-content-sha1": "db8ac1c259eb89d4a131b253bacfca5f319d54f2",
            "x-cos-stroage-class": "nearline",
        },
        "",
        "ce4ac0ecbcdb30538b3fee0a97cc6389694ce53a",
        id="vendor-go-sdk",
    ),
    pytest.param(
        K2.secret_key,
        TIMES,
        ("POST", CANCEL, ""),
        {"content-length": "0", "host": CI_HOST},
        "",
        "1058a6286653b9dd89f150cf664293fc2476dd19",
        id="cancel",
    ),
    pytest.param(
        K2.secret_key,
        TIMES,
        ("POST", CANCEL, ""),
        {"content-length": "0", "host": CI_HOST, "x-ci-security-token": "ExampleToken+/=="},
        "",
        "84ff4e8ff964c7cec62d88a0650927e73486f803",
        id="cancel-with-token",
    ),
]


@pytest.mark.parametrize(("key", "times", "what", "headers", "params", "expected"), VECTORS)
def test_every_documented_vector_gives_the_documented_signature(key, times, what, headers, params, expected):
    """The verifier signs as the documents and the vendor's SDKs do."""
    method, path, query = what
    http_string = format_string(method, path, query, headers, ";".join(sorted(headers)), params)
    assert signature(key, times, string_to_sign(times, http_string)) == expected


def authorization(sig="1058a6286653b9dd89f150cf664293fc2476dd19", names="content-length;host", times=TIMES):
    return (
        f"q-sign-algorithm=sha1&q-ak={K2.secret_id}&q-sign-time={times}&q-key-time={times}"
        f"&q-header-list={names}&q-url-param-list=&q-signature={sig}"
    )


def judge(auth=None, *, credential=K2, now_s=NOW_S, path=CANCEL, **headers):
    sent = {"host": CI_HOST, "content-length": "0"}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    if auth is not None:
        sent["authorization"] = auth
    known = {credential.secret_id: credential}
    return verdict("POST", path, "", sent, known.get, now_s)


def test_a_right_signature_is_verified_and_names_its_key():
    """What is signed as documented passes."""
    assert judge(authorization()) == Verified(K2.secret_id)


def test_the_parts_may_come_in_any_order():
    """The documents fix an order for the signer, not for the reader."""
    assert judge("&".join(reversed(authorization().split("&")))) == Verified(K2.secret_id)


@pytest.mark.parametrize(
    ("auth", "options", "status", "code"),
    [
        pytest.param(None, {}, 401, "MissingAuthorization", id="no-signature"),
        pytest.param("Bearer abc", {}, 401, "InvalidAuthorization", id="another-scheme"),
        pytest.param(authorization() + "&q-ak=again", {}, 401, "InvalidAuthorization", id="a-part-twice"),
        pytest.param(authorization(sig="F" * 40), {}, 401, "InvalidAuthorization", id="upper-case-hex"),
        pytest.param(
            authorization(times="1497610202;1497530202"), {}, 401, "InvalidAuthorization", id="time-backwards"
        ),
        pytest.param(
            authorization(names="host;content-length"), {}, 401, "InvalidAuthorization", id="names-unsorted"
        ),
        pytest.param(
            authorization(names="content-length"), {}, 401, "InvalidAuthorization", id="host-unsigned"
        ),
        pytest.param(
            authorization(names="host"), {}, 401, "InvalidAuthorization", id="content-length-unsigned"
        ),
        pytest.param(
            authorization(),
            {"x_ci_security_token": "T"},
            401,
            "InvalidAuthorization",
            id="token-unsigned",
        ),
        pytest.param(
            authorization(),
            {"credential": Credential("other", "key")},
            401,
            "SecretidNotExist",
            id="unknown-key",
        ),
        pytest.param(authorization(), {"now_s": 1497610203}, 401, "SignatureExpired", id="expired"),
        pytest.param(
            authorization(), {"now_s": 1497530202 - 901}, 403, "RequestTimeTooSkewed", id="from-the-future"
        ),
        pytest.param(authorization(sig="0" * 40), {}, 403, "SignatureDoesNotMatch", id="wrong-signature"),
        pytest.param(
            authorization(), {"path": CANCEL + "x"}, 403, "SignatureDoesNotMatch", id="another-path"
        ),
        pytest.param(
            authorization(),
            {"host": "other-1250000000.ci.ap-beijing.myqcloud.com"},
            403,
            "SignatureDoesNotMatch",
            id="another-bucket",
        ),
        pytest.param(
            authorization(),
            {"credential": Credential(K2.secret_id, K2.secret_key, "ExampleToken+/==")},
            403,
            "InvalidAccessKeyId",
            id="temporary-key-without-token",
        ),
    ],
)
def test_what_is_wrong_is_answered_with_its_documented_code(auth, options, status, code):
    """Each way to sign wrongly has the status and code of the real API."""
    found = judge(auth, **options)
    assert isinstance(found, Rejected)
    assert (found.status, found.code) == (status, code)


def test_a_clock_up_to_15_minutes_ahead_is_borne():
    """The documented skew is allowed, to the second."""
    assert judge(authorization(), now_s=1497530202 - 900) == Verified(K2.secret_id)


def test_a_temporary_key_passes_with_its_token_and_no_other():
    """The token is compared as well as signed."""
    temporary = Credential(K2.secret_id, K2.secret_key, "ExampleToken+/==")
    right = authorization(
        "84ff4e8ff964c7cec62d88a0650927e73486f803", "content-length;host;x-ci-security-token"
    )
    assert judge(right, credential=temporary, x_ci_security_token="ExampleToken+/==") == Verified(
        K2.secret_id
    )
    wrong = judge(right, credential=temporary, x_ci_security_token="Yesterday")
    assert isinstance(wrong, Rejected)
    assert wrong.code == "ExpiredToken"


def test_a_mismatch_echoes_what_the_server_signed():
    """As the gateway does, headers and all: a client that logs raw error bodies is found out."""
    found = judge(authorization(sig="0" * 40))
    assert isinstance(found, Rejected)
    assert f"host={CI_HOST}" in found.echo["FormatString"]


def test_any_credential_skips_the_comparison_alone():
    """Without a key to compare with, form and time still count."""
    anyone = Credential(K2.secret_id, None)
    assert judge(authorization(sig="0" * 40), credential=anyone) == Verified(K2.secret_id)
    assert isinstance(judge(authorization(), credential=anyone, now_s=time.time()), Rejected)
