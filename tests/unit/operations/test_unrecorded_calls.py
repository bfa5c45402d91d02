from types import SimpleNamespace
from typing import Any, cast

from regionkms.model.errors import KmsError
from regionkms.operations.call import Call
from regionkms.operations.pipeline import Pipeline


class NoRecorder:
    """A recorder that fails as no recorder should."""

    def records(self, facts: object) -> list[bytes]:
        raise ValueError("a record can't be made")


def test_a_call_whose_record_cannot_be_made_fails_and_says_nothing_of_its_result() -> None:
    call = SimpleNamespace(
        recorded=False,
        request_id="r-1",
        operation=SimpleNamespace(name="Decrypt"),
        region=SimpleNamespace(recorder=NoRecorder(), audit=None),
        facts=lambda response, error: (response, error),
    )
    finished: list[tuple[Any, KmsError | None]] = []
    Pipeline(spawn=lambda _: None)._end(
        cast("Call", call), "a plaintext", None, lambda _, *ended: finished.append(ended)
    )
    [(response, error)] = finished
    assert response is None
    assert error is not None
    assert error.code == "KMSInternalException"
    assert error.message == "An internal error occurred. Request id r-1. Retry the request."
