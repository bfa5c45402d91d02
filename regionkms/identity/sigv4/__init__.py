"""AWS Signature Version 4, verified: bytes of a request in, who signed it out; no I/O, no clock.

`SignatureVerifier` is what a worker calls. `verify_plain` is the same check without any cache and
the oracle of its tests. Modules: values (what goes in and out), claim (what a request says of its
signature), instant (dates), canonical (canonical request), signing (keys), plain (the check, step
by step), verifier (the fast path).

Source: spec 03 §1 AUTH-1, AUTH-3; AWS General Reference, "Signature Version 4 signing process".
"""

from regionkms.identity.sigv4.plain import verify_plain
from regionkms.identity.sigv4.values import (
    HttpRequest,
    SessionLookup,
    SignatureForm,
    SigningScope,
    Verified,
    signing_scope,
)
from regionkms.identity.sigv4.verifier import Repeat, SignatureVerifier

__all__ = [
    "HttpRequest",
    "Repeat",
    "SessionLookup",
    "SignatureForm",
    "SignatureVerifier",
    "SigningScope",
    "Verified",
    "signing_scope",
    "verify_plain",
]
