"""Write suite.json: the classes of AWS's public SigV4 test suite, signed.

Run from the root of the repository: `python tests/vectors/sigv4/make.py`. Every request is signed
by botocore, which is no part of regionkms. `published` is the signature that the public suite
states for the same request (aws-sig-v4-test-suite, and its continuation in awslabs/aws-c-auth,
tests/aws-signing-test-suite/v4); the script stops if botocore gives another one.

Requests stand here as their client means them: decoded path and query. `target` in suite.json is
what the suite sends, which is not always something that HTTP allows (a space, UTF-8).
"""

import json
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

ACCESS_KEY_ID = "AKIDEXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
STAMP = "20150830T123600Z"
HOST = "example.amazonaws.com"
FORM_HASH = sha256(b"Param1=value1").hexdigest()
UNRESERVED = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
STS_TOKEN = (
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPf"
    "IeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7W"
    "Z0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8F"
    "DrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
)
TOKEN = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267"
FORM = "application/x-www-form-urlencoded"

VANILLA = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
POST_VANILLA = "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"


def case(name: str, published: str | None = None, **request: Any) -> dict[str, Any]:
    """One case: `headers` and `params` are lists of pairs; a GET of `/` unless told otherwise."""
    defaults: dict[str, Any] = {
        "method": "GET",
        "path": "/",
        "params": [],
        "headers": [],
        "body": "",
        "token": None,
        "query": "",
    }
    return {"name": name, "published": published, **defaults, **request}


def my_headers(*values: str) -> list[list[str]]:
    """The suite's own header, once for each value."""
    return [["My-Header1", value] for value in values]


def form(content_type: str) -> list[list[str]]:
    """Headers of the suite's two requests with a body."""
    return [
        ["Content-Type", content_type],
        ["Content-Length", "13"],
        ["x-amz-content-sha256", FORM_HASH],
    ]


CASES = [
    case("get-vanilla", VANILLA),
    case("get-vanilla-query", VANILLA),
    case(
        "get-vanilla-empty-query-key",
        "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb",
        params=[["Param1", "value1"]],
    ),
    case(
        "get-vanilla-query-order-key",
        "eedbc4e291e521cf13422ffca22be7d2eb8146eecf653089df300a15b2382bd1",
        params=[["Param1", "value2"], ["Param1", "Value1"]],
    ),
    case(
        "get-vanilla-query-order-key-case",
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        params=[["Param2", "value2"], ["Param1", "value1"]],
    ),
    case(
        "get-vanilla-query-order-value",
        "5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694",
        params=[["Param1", "value2"], ["Param1", "value1"]],
    ),
    case(
        "get-vanilla-query-order-encoded",
        "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac",
        params=[["Param-3", "Value3"], ["Param", "Value2"], ["\u1234", "Value1"]],
    ),
    case(
        "get-vanilla-query-unreserved",
        "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
        params=[[UNRESERVED, UNRESERVED]],
    ),
    case(
        "get-vanilla-utf8-query",
        "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
        params=[["\u1234", "bar"]],
    ),
    case(
        "get-vanilla-with-session-token",
        "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8",
        token=TOKEN,
    ),
    case(
        "get-utf8",
        "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85",
        path="/\u1234",
    ),
    case(
        "get-unreserved",
        "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
        path="/" + UNRESERVED,
    ),
    case(
        "get-header-key-duplicate",
        "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
        headers=my_headers("value2", "value2", "value1"),
    ),
    case(
        "get-header-value-order",
        "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01",
        headers=my_headers("value4", "value1", "value3", "value2"),
    ),
    case(
        "get-header-value-trim",
        "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
        headers=[*my_headers(" value1"), ["My-Header2", ' "a   b   c"']],
    ),
    case(
        "get-header-value-multiline",
        "ba17b383a53190154eb5fa66a1b836cc297cc0a3d70a5d00705980573d8ff790",
        # The suite takes each line of the folded header for a value of its own.
        headers=my_headers("value1", "value2", "value3"),
    ),
    case("get-relative", VANILLA, path="/example/.."),
    case("get-relative-relative", VANILLA, path="/example1/example2/../.."),
    case("get-slash", VANILLA, path="//"),
    case("get-slash-dot-slash", VANILLA, path="/./"),
    case(
        "get-slash-pointless-dot",
        "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5",
        path="/./example",
    ),
    case(
        "get-slashes",
        "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84",
        path="//example//",
    ),
    case(
        "get-space",
        "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741",
        path="/example space/",
    ),
    case("get-encoded-path", path="/example%20space/%C3%BC"),
    case("post-vanilla", POST_VANILLA, method="POST"),
    case(
        "post-vanilla-query",
        "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11",
        method="POST",
        params=[["Param1", "value1"]],
    ),
    case(
        "post-vanilla-empty-query-value",
        "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11",
        method="POST",
        params=[["Param1", "value1"]],
    ),
    case(
        "post-vanilla-query-without-value",
        method="POST",
        params=[["Param1", ""]],
        query="Param1",
    ),
    case(
        "post-vanilla-query-nonunreserved",
        method="POST",
        params=[["@#$%^", '&+=/,?><`";:\\|][{} ']],
    ),
    case("post-vanilla-query-space", method="POST", params=[["p", ""], ["f oo", "b ar"]]),
    case("post-header-key-case", POST_VANILLA, method="POST"),
    case(
        "post-header-key-sort",
        "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
        method="POST",
        headers=my_headers("value1"),
    ),
    case(
        "post-header-value-case",
        "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d",
        method="POST",
        headers=my_headers("VALUE1"),
    ),
    case(
        "post-sts-header-before",
        "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
        method="POST",
        token=STS_TOKEN,
    ),
    case(
        "post-x-www-form-urlencoded",
        "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b",
        method="POST",
        headers=form(FORM),
        body="Param1=value1",
    ),
    case(
        "post-x-www-form-urlencoded-parameters",
        "328d1b9eaadca9f5818ef05e8392801e091653bafec24fcab71e7344e7f51422",
        method="POST",
        headers=form(FORM + "; charset=utf-8"),
        body="Param1=value1",
    ),
]


def sign(description: dict[str, Any]) -> dict[str, Any]:
    """Sign a case with botocore and add what goes over the wire."""
    credentials = Credentials(ACCESS_KEY_ID, SECRET, description["token"])
    signer = SigV4Auth(credentials, "service", "us-east-1")
    request = AWSRequest(
        method=description["method"],
        url=f"https://{HOST}{description['path']}",
        params=[tuple(pair) for pair in description["params"]],  # type: ignore[arg-type] # pairs, too
        data=description["body"].encode(),
    )
    for name, value in description["headers"]:
        request.headers[name] = value
    request.headers["X-Amz-Date"] = STAMP
    if description["token"]:
        request.headers["X-Amz-Security-Token"] = description["token"]
    request.context["timestamp"] = STAMP
    canonical = signer.canonical_request(request)
    signature = signer.signature(signer.string_to_sign(request, canonical), request)
    published = description["published"]
    if published is not None and published != signature:
        sys.exit(f"{description['name']}: botocore signs {signature}, the suite {published}")
    query = description["query"] or "&".join(
        f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in description["params"]
    )
    return {
        "name": description["name"],
        "method": description["method"],
        "target": urlsplit(str(request.url)).path + (f"?{query}" if query else ""),
        "headers": [["Host", HOST], *([n, v] for n, v in request.headers.items())],
        "body": description["body"],
        "signed_headers": signer.signed_headers(signer.headers_to_sign(request)),
        "signature": signature,
        "source": "published" if published else "botocore",
    }


def main() -> None:
    """Sign all cases."""
    suite = {
        "access_key_id": ACCESS_KEY_ID,
        "secret_access_key": SECRET,
        "stamp": STAMP,
        "region": "us-east-1",
        "service": "service",
        "cases": [sign(description) for description in CASES],
    }
    path = Path(__file__).with_name("suite.json")
    path.write_text(json.dumps(suite, indent=1, ensure_ascii=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
