"""Whether a request is signed as Amazon wants it (Signature Version 4), found out by signing it again with Amazon's own code."""
import re

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

ACCESS_KEY, SECRET_KEY, REGION = "AKIASTANDIN", "stand-in-secret-key", "us-east-1"
_FORM = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/]+)/\d{8}/([^/]+)/([^/]+)/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})")


def is_valid(method: str, url: str, headers: dict[str, str], body: bytes) -> bool:
    """`url` with the path as it was sent; `headers` by lower-case name."""
    form = _FORM.fullmatch(headers.get("authorization", ""))
    if not form or form.groups()[:3] != (ACCESS_KEY, REGION, "bedrock"):
        return False
    request = AWSRequest(method, url, {name: headers.get(name, "") for name in form[4].split(";")}, body)
    request.context["timestamp"] = headers.get("x-amz-date", "")
    signer = SigV4Auth(Credentials(ACCESS_KEY, SECRET_KEY), "bedrock", REGION)
    return signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request) == form[5]
