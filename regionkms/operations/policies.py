"""GetKeyPolicy, PutKeyPolicy, ListKeyPolicies.

Source: spec 03 §4.7, §4.8.
"""

from dataclasses import replace
from typing import Final

from regionkms.model import shapes
from regionkms.model.errors import InvalidMarkerException, NotFoundException
from regionkms.operations.call import Call
from regionkms.operations.key_creation import checked_policy
from regionkms.operations.paging import INVALID_MARKER
from regionkms.ports.operation import Audited, Operation, Plane, Resource
from regionkms.ports.store import StoreTransaction

_POLICY_NAME: Final = "default"
"""The only name that a key policy can have (spec 03 KP-31)."""


def _check_name(name: str | None) -> None:
    if name not in {None, _POLICY_NAME}:
        raise NotFoundException(f"No such policy exists: the only policy name is {_POLICY_NAME}")


async def get_key_policy(call: Call) -> shapes.GetKeyPolicyResponse:
    """Return the key policy document exactly as it was written."""
    request: shapes.GetKeyPolicyRequest = call.request
    _check_name(request.policy_name)
    return shapes.GetKeyPolicyResponse(policy=call.key.key.policy, policy_name=_POLICY_NAME)


async def put_key_policy(call: Call) -> None:
    """Replace the whole key policy; effective with the next request of this Region."""
    request: shapes.PutKeyPolicyRequest = call.request
    _check_name(request.policy_name)
    policy = checked_policy(
        request.policy,
        call=call,
        key=call.key.resource(),
        bypass_lockout_check=request.bypass_policy_lockout_safety_check,
    )

    def work(tx: StoreTransaction) -> None:
        tx.keys.update(replace(call.recheck(tx), policy=policy))

    await call.commit(work)


async def list_key_policies(call: Call) -> shapes.ListKeyPoliciesResponse:
    """List the one policy name there is."""
    request: shapes.ListKeyPoliciesRequest = call.request
    if request.marker is not None:
        # One page holds all there is, so no marker was ever given out.
        raise InvalidMarkerException(INVALID_MARKER)
    return shapes.ListKeyPoliciesResponse(policy_names=[_POLICY_NAME], truncated=False)


OPERATIONS: Final = (
    Operation(
        name="GetKeyPolicy",
        handler=get_key_policy,
        plane=Plane.CONTROL,
        resource=Resource.KEY,
        permission="kms:GetKeyPolicy",
        read_only=True,
        audited=Audited(request=("KeyId", "PolicyName"), defaults={"PolicyName": _POLICY_NAME}),
    ),
    Operation(
        name="PutKeyPolicy",
        handler=put_key_policy,
        plane=Plane.CONTROL,
        resource=Resource.KEY,
        permission="kms:PutKeyPolicy",
        read_only=False,
        audited=Audited(
            request=("KeyId", "PolicyName", "Policy", "BypassPolicyLockoutSafetyCheck"),
            defaults={"PolicyName": _POLICY_NAME, "BypassPolicyLockoutSafetyCheck": False},
        ),
    ),
    Operation(
        name="ListKeyPolicies",
        handler=list_key_policies,
        plane=Plane.CONTROL,
        resource=Resource.KEY,
        permission="kms:ListKeyPolicies",
        read_only=True,
        audited=Audited(request=("KeyId", "Limit", "Marker")),
    ),
)
"""Rows of this family."""
