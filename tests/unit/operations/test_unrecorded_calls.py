from types import SimpleNamespace
from typing import Any, cast

from regionkms.operations import OPERATIONS
from regionkms.operations.call import Call
from regionkms.operations.pipeline import Pipeline
from regionkms.policy.request import IdentityVerdict


class NoRecorder:
    """A recorder that fails as no recorder should."""

    def records(self, call: object) -> list[bytes]:
        raise ValueError("a record can't be made")


def test_a_call_whose_record_cannot_be_made_fails_and_says_nothing_of_its_result() -> None:
    region: Any = SimpleNamespace(recorder=NoRecorder(), audit=SimpleNamespace(append=None))
    call = Call(
        operation=OPERATIONS["Decrypt"],
        request=None,
        caller=cast("Any", None),
        identity=IdentityVerdict.ALLOW,
        region=region,
        request_id="r-1",
        source_ip="192.0.2.1",
        user_agent="",
        secure_transport=True,
        response="a plaintext",
    )
    finished: list[Call] = []
    Pipeline(spawn=lambda _: None)._end([call], finished.extend)
    assert finished == [call]
    assert call.response is None
    assert call.error is not None
    assert call.error.code == "KMSInternalException"
    assert call.error.message == "An internal error occurred. Request id r-1. Retry the request."
