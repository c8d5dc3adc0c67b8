import json
import random
from pathlib import Path

import pytest
import requests
from qcloud_cos import CosConfig
from qcloud_cos.cos_auth import CosS3Auth

from worker.api.credential import Credential
from worker.api.signing import (
    authorization,
    encoded_pairs,
    http_string,
    http_string_digest,
    key_time,
    name_list,
    sign_key,
    signature,
    string_to_sign,
)

VECTORS = sorted((Path(__file__).parents[2] / "vectors" / "signing").glob("*.json"))
SIGNED_BY_THE_VENDOR = (
    "Content-Type",
    "Content-MD5",
    "Range",
    "x-cos-acl",
    "x-ci-security-token",
    "X-CI-Extra",
)


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_vector(path: Path) -> None:
    """Every stage of every published signature comes out as published."""
    vector = json.loads(path.read_text())
    expected = vector["expected"]
    headers, params = encoded_pairs(vector["headers"]), encoded_pairs(vector["params"])
    text = http_string(vector["method"], vector["path"], params, headers)
    key = sign_key(vector["secret_key"], vector["key_time"])
    to_sign = string_to_sign(vector["key_time"], text)
    assert key == expected["sign_key"]
    assert name_list(headers) == expected["header_list"]
    assert name_list(params) == expected["param_list"]
    assert text == expected["http_string"]
    assert http_string_digest(text) == expected["http_string_sha1"]
    assert to_sign == expected["string_to_sign"]
    assert signature(key, to_sign) == expected["signature"]
    assert authorization(
        method=vector["method"],
        path=vector["path"],
        headers=vector["headers"],
        params=vector["params"],
        credential=Credential(vector["secret_id"], vector["secret_key"]),
        key_time=vector["key_time"],
    ) == (
        f"q-sign-algorithm=sha1&q-ak={vector['secret_id']}"
        f"&q-sign-time={vector['key_time']}&q-key-time={vector['key_time']}"
        f"&q-header-list={expected['header_list']}&q-url-param-list={expected['param_list']}"
        f"&q-signature={expected['signature']}"
    )


def test_all_five_vectors_are_there() -> None:
    """No vector gets lost by a change of folders."""
    assert len(VECTORS) == 5


def test_vendor_agrees() -> None:
    """A thousand random requests are signed exactly as the vendor's own SDK signs them."""
    chance = random.Random(7778)
    for _ in range(1000):
        method = chance.choice(["GET", "POST", "PUT", "DELETE", "HEAD"])
        path = "/" + _text(chance, "abcXYZ019-_.~/ %+&=;:腾讯云é😀(')", 40)
        names = chance.sample(SIGNED_BY_THE_VENDOR, chance.randint(0, len(SIGNED_BY_THE_VENDOR)))
        headers = {name: _text(chance, "abc XYZ019/+=\"';,:%~腾é", 30) for name in names}
        headers["Host"] = "examplebucket-1250000000.ci.ap-beijing.myqcloud.com"
        params = {
            _text(chance, "abc-_XYZ019 /=&腾", 12) + str(index): _text(chance, "abc =&/?+腾😀", 20)
            for index in range(chance.randint(0, 4))
        }
        secret_id, secret_key = (
            "AKID" + _text(chance, "abcXYZ019", 32),
            "k" + _text(chance, "abcXYZ019/+", 31),
        )
        theirs = _signed_by_the_vendor(method, path, headers, params, secret_id, secret_key)
        ours = authorization(
            method=method,
            path=path,
            headers=headers,
            params=params,
            credential=Credential(secret_id, secret_key),
            key_time=_field(theirs, "q-key-time"),
        )
        assert ours == theirs


def test_key_time() -> None:
    """A signature starts a minute in the past and ends when its life is over, in whole seconds."""
    assert key_time(1_557_989_211.9, 600) == "1557989151;1557989811"


def test_credential_shows_no_secret() -> None:
    """Neither repr nor str of a credential shows the key or the token."""
    shown = repr(Credential("AKIDsecretid", "verysecretkey", "verysecrettoken"))
    assert shown == "Credential(AKID…, temporary)"
    assert str(Credential("AKIDsecretid", "verysecretkey")) == "Credential(AKID…, permanent)"


def _text(chance: random.Random, letters: str, length_max: int) -> str:
    return "".join(chance.choice(letters) for _ in range(chance.randint(0, length_max)))


def _field(authorization: str, name: str) -> str:
    return authorization.partition(f"&{name}=")[2].partition("&")[0]


def _signed_by_the_vendor(
    method: str, path: str, headers: dict[str, str], params: dict[str, str], secret_id: str, secret_key: str
) -> str:
    # its clock cannot be given, so the time it took is read out of what it made
    config = CosConfig(Region="ap-beijing", SecretId=secret_id, SecretKey=secret_key)
    request = requests.PreparedRequest()
    request.method, request.url = method, "https://examplebucket-1250000000.ci.ap-beijing.myqcloud.com/"
    request.headers = requests.structures.CaseInsensitiveDict(headers)
    return str(CosS3Auth(config, path, params)(request).headers["Authorization"])
