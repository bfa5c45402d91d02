"""Which of etcd's answers say for certain that a write has not landed."""

import grpc
import pytest

from regionkms.coordination.etcd_endpoints import is_definite

Code = grpc.StatusCode


def failed(code: grpc.StatusCode, details: str) -> grpc.aio.AioRpcError:
    nothing = grpc.aio.Metadata()
    return grpc.aio.AioRpcError(code, nothing, nothing, details=details)


@pytest.mark.parametrize(
    ("code", "details"),
    [
        (Code.INVALID_ARGUMENT, "etcdserver: request is too large"),
        (Code.INVALID_ARGUMENT, "etcdserver: duplicate key given in txn request"),
        (Code.PERMISSION_DENIED, "etcdserver: permission denied"),
        (Code.UNAUTHENTICATED, "etcdserver: invalid auth token"),
        (Code.OUT_OF_RANGE, "etcdserver: mvcc: required revision has been compacted"),
        (Code.UNAVAILABLE, "etcdserver: no leader"),
        (Code.RESOURCE_EXHAUSTED, "etcdserver: too many requests"),
    ],
)
def test_refused_before_it_was_proposed(code: grpc.StatusCode, details: str) -> None:
    assert is_definite(failed(code, details))


@pytest.mark.parametrize(
    ("code", "details"),
    [
        (Code.UNAVAILABLE, "etcdserver: leader changed"),
        (Code.UNAVAILABLE, "etcdserver: request timed out"),
        (Code.UNAVAILABLE, "Socket closed"),
        (Code.UNAVAILABLE, ""),
        (Code.DEADLINE_EXCEEDED, "Deadline Exceeded"),
        (Code.RESOURCE_EXHAUSTED, "etcdserver: mvcc: database space exceeded"),
        (Code.UNKNOWN, "context deadline exceeded"),
        (Code.INTERNAL, ""),
        (Code.CANCELLED, ""),
    ],
)
def test_anything_else_may_have_landed(code: grpc.StatusCode, details: str) -> None:
    assert not is_definite(failed(code, details))
