"""CreateKey, DescribeKey, ListKeys, UpdateKeyDescription, EnableKey, DisableKey, key deletion.

Source: spec 01 §6, §8, §9, §12; spec 02 §10.
"""

from dataclasses import replace
from typing import Final

from regionkms.model import shapes
from regionkms.model.errors import (
    LimitExceededException,
    UnsupportedOperationException,
    ValidationException,
)
from regionkms.model.ids import key_arn, key_id_from_random
from regionkms.model.key import (
    NO_DELETION,
    Deletion,
    DeletionKind,
    KmsKey,
    MultiRegionFacts,
    Phase,
)
from regionkms.model.key_spec import KEY_SPECS, KeySpec, KeyUsage, Origin
from regionkms.model.key_state import KeyState
from regionkms.model.limits import (
    DEFAULT_PENDING_WINDOW_DAYS,
    MAX_PENDING_WINDOW_DAYS,
    MIN_PENDING_WINDOW_DAYS,
    SECONDS_PER_DAY,
)
from regionkms.operations.authorize import require_tagging_of_new_key
from regionkms.operations.call import Call
from regionkms.operations.key_creation import (
    check_text,
    checked_policy,
    checked_tags,
    new_binding_key,
    new_generation,
)
from regionkms.operations.key_metadata import key_metadata, metadata_of
from regionkms.operations.paging import page_of
from regionkms.policy.request import KeyResource
from regionkms.ports.operation import Audited, Operation, Plane, Resource
from regionkms.ports.store import StoreTransaction

_LIST_KEYS_DEFAULT: Final = 100
_KEY_ID_BYTES: Final = 16
_FOUNDER_LIFE: Final = 1
"""The founder of a multi-Region key grants itself life 1 (protocol §2 Trust)."""


async def create_key(call: Call) -> shapes.CreateKeyResponse:
    """Make a KMS key; every check comes before anything is made."""
    request: shapes.CreateKeyRequest = call.request
    region = call.region
    key_spec, key_usage = _spec_and_usage(request)
    check_text(request.description or "")
    tags = checked_tags(request.tags)
    if tags:
        require_tagging_of_new_key(call)
    multi_region = bool(request.multi_region)
    account_id = call.account_id
    key_id = key_id_from_random(region.random_bytes(_KEY_ID_BYTES), multi_region=multi_region)
    arn = key_arn(region.name, account_id, key_id)
    policy = checked_policy(
        request.policy,
        call=call,
        key=KeyResource(
            arn=arn,
            account_id=account_id,
            key_spec=key_spec.value,
            key_usage=key_usage.value,
            origin=Origin.AWS_KMS.value,
            multi_region=multi_region,
            multi_region_key_type="PRIMARY" if multi_region else None,
        ),
        bypass_lockout_check=request.bypass_policy_lockout_safety_check,
    )
    binding_key, wrapped_binding_key = new_binding_key(region, account_id, key_id)
    generation = new_generation(
        region, account_id=account_id, key_id=key_id, key_spec=key_spec, binding_key=binding_key
    )
    key = KmsKey(
        account_id=account_id,
        key_id=key_id,
        key_spec=key_spec,
        key_usage=key_usage,
        origin=Origin.AWS_KMS,
        description=request.description or "",
        policy=policy,
        created_at=generation.created_at,
        enabled=True,
        current_generation=generation.generation_id,
        binding_key=wrapped_binding_key,
        multi_region=_founding_facts(call) if multi_region else None,
    )

    def work(tx: StoreTransaction) -> shapes.CreateKeyResponse:
        quota = region.keys_per_account(account_id)
        if tx.keys.count(account_id) >= quota:
            raise LimitExceededException(
                f"The account has reached its quota of {quota} KMS keys "
                f"in {region.name}. Delete unused keys, or have the quota raised."
            )
        tx.keys.insert(key)
        tx.generations.put(account_id, key_id, generation)
        if tags:
            tx.tags.put(account_id, key_id, tags)
        call.resources = ((account_id, arn),)
        return shapes.CreateKeyResponse(
            key_metadata=key_metadata(key, region=region.name, state=KeyState.ENABLED, mirror=None)
        )

    response = await call.commit(work)
    if multi_region:
        region.agent.wake()
    return response


def _founding_facts(call: Call) -> MultiRegionFacts:
    return MultiRegionFacts(
        life=_FOUNDER_LIFE, phase=Phase.LIVE, opened_by=call.region.store.store_id
    )


def _spec_and_usage(request: shapes.CreateKeyRequest) -> tuple[KeySpec, KeyUsage]:
    """Check spec, usage and origin together (spec 01 §3.3, §6.1)."""
    named = request.key_spec, request.customer_master_key_spec
    if all(named):
        raise ValidationException(
            "You cannot specify both KeySpec and CustomerMasterKeySpec. CustomerMasterKeySpec is "
            "deprecated; use KeySpec."
        )
    wire_spec = named[0] or named[1] or KeySpec.SYMMETRIC_DEFAULT.value
    _require_offered(request, wire_spec)
    spec = KeySpec(wire_spec)
    if request.key_usage is None and spec is not KeySpec.SYMMETRIC_DEFAULT:
        raise ValidationException(
            "You must specify a KeyUsage value for all KMS keys except for symmetric encryption "
            "keys."
        )
    wire_usage = request.key_usage or KeyUsage.ENCRYPT_DECRYPT.value
    usages = KEY_SPECS[spec].algorithms
    if wire_usage not in {usage.value for usage in usages}:
        raise ValidationException(f"KeyUsage {wire_usage} is not compatible with KeySpec {spec}")
    return spec, KeyUsage(wire_usage)


def _require_offered(request: shapes.CreateKeyRequest, wire_spec: str) -> None:
    offered = {spec.value for spec, row in KEY_SPECS.items() if row.offered}
    if wire_spec not in offered:
        raise UnsupportedOperationException(
            f"KeySpec {wire_spec} is not offered in this Region. Offered: {', '.join(offered)}."
        )
    origin = request.origin or Origin.AWS_KMS.value
    if origin != Origin.AWS_KMS.value or request.custom_key_store_id or request.xks_key_id:
        raise UnsupportedOperationException(
            f"Origin {origin} is not offered in this Region. Offered: {Origin.AWS_KMS.value}."
        )


def describe_key(call: Call) -> shapes.DescribeKeyResponse:
    """Show a key, also one of another account."""
    return shapes.DescribeKeyResponse(key_metadata=metadata_of(call.key, call.region.name))


async def list_keys(call: Call) -> shapes.ListKeysResponse:
    """List the ids of the caller's keys in this Region."""
    request: shapes.ListKeysRequest = call.request
    region = call.region
    page = await page_of(
        region.store,
        marker=request.marker,
        limit=request.limit or _LIST_KEYS_DEFAULT,
        read=lambda tx, after, limit: tx.keys.page(call.account_id, after=after, limit=limit),
        name=str,
    )
    return shapes.ListKeysResponse(
        keys=[
            shapes.KeyListEntry(
                key_id=key_id, key_arn=key_arn(region.name, call.account_id, key_id)
            )
            for key_id in page.rows
        ],
        truncated=page.truncated,
        next_marker=page.next_marker,
    )


async def update_key_description(call: Call) -> None:
    """Replace a key's description."""
    request: shapes.UpdateKeyDescriptionRequest = call.request
    check_text(request.description)

    def work(tx: StoreTransaction) -> None:
        tx.keys.update(replace(call.recheck(tx), description=request.description))

    await call.commit(work)


async def enable_key(call: Call) -> None:
    """Set the enabled fact; of an enabled key nothing changes."""
    await _set_enabled(call, enabled=True)


async def disable_key(call: Call) -> None:
    """Clear the enabled fact; of a disabled key nothing changes."""
    await _set_enabled(call, enabled=False)


async def _set_enabled(call: Call, *, enabled: bool) -> None:
    def work(tx: StoreTransaction) -> None:
        key = call.recheck(tx)
        if key.enabled != enabled:
            tx.keys.update(replace(key, enabled=enabled))

    await call.commit(work)


async def schedule_key_deletion(call: Call) -> shapes.ScheduleKeyDeletionResponse:
    """Start a key's waiting period (spec 02 §10.2); it is only ever destroyed by the reaper."""
    request: shapes.ScheduleKeyDeletionRequest = call.request
    window_days = (
        DEFAULT_PENDING_WINDOW_DAYS
        if request.pending_window_in_days is None
        else request.pending_window_in_days
    )
    if not MIN_PENDING_WINDOW_DAYS <= window_days <= MAX_PENDING_WINDOW_DAYS:
        raise ValidationException(
            f"PendingWindowInDays must be between {MIN_PENDING_WINDOW_DAYS} and "
            f"{MAX_PENDING_WINDOW_DAYS}, got {window_days}."
        )
    _refuse_multi_region(call)
    date = call.region.clock.now() + window_days * SECONDS_PER_DAY

    def work(tx: StoreTransaction) -> shapes.ScheduleKeyDeletionResponse:
        key = call.recheck(tx)
        deletion = Deletion(kind=DeletionKind.PENDING, window_days=window_days, date=date)
        tx.keys.update(replace(key, deletion=deletion))
        return shapes.ScheduleKeyDeletionResponse(
            key_id=call.key.arn,
            deletion_date=date,
            key_state=KeyState.PENDING_DELETION.value,
            pending_window_in_days=window_days,
        )

    return await call.commit(work)


async def cancel_key_deletion(call: Call) -> shapes.CancelKeyDeletionResponse:
    """Stop a waiting period; the key is Disabled afterwards, not Enabled (spec 02 D13)."""
    _refuse_multi_region(call)

    def work(tx: StoreTransaction) -> shapes.CancelKeyDeletionResponse:
        key = call.recheck(tx)
        tx.keys.update(replace(key, deletion=NO_DELETION, enabled=False))
        return shapes.CancelKeyDeletionResponse(key_id=call.key.arn)

    return await call.commit(work)


def _refuse_multi_region(call: Call) -> None:
    if call.key.key.multi_region is not None:
        raise UnsupportedOperationException(
            f"{call.key.arn} is a multi-Region key; this release does not delete those yet. "
            "Disable it instead."
        )


OPERATIONS: Final = (
    Operation(
        name="CreateKey",
        handler=create_key,
        plane=Plane.CONTROL,
        resource=Resource.NONE,
        permission="kms:CreateKey",
        read_only=False,
        audited=Audited(
            request=(
                "Description",
                "Origin",
                "BypassPolicyLockoutSafetyCheck",
                "CustomerMasterKeySpec",
                "KeySpec",
                "KeyUsage",
                "MultiRegion",
                "Tags",
                "CustomKeyStoreId",
                "XksKeyId",
            ),
            defaults={
                "Description": "",
                "Origin": "AWS_KMS",
                "BypassPolicyLockoutSafetyCheck": False,
                "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
                "KeySpec": "SYMMETRIC_DEFAULT",
                "KeyUsage": "ENCRYPT_DECRYPT",
                "MultiRegion": False,
            },
            response=("KeyMetadata",),
        ),
    ),
    Operation(
        name="DescribeKey",
        handler=describe_key,
        plane=Plane.DATA,
        resource=Resource.KEY_OR_ALIAS,
        permission="kms:DescribeKey",
        read_only=True,
        audited=Audited(request=("KeyId",)),
    ),
    Operation(
        name="ListKeys",
        handler=list_keys,
        plane=Plane.CONTROL,
        resource=Resource.NONE,
        permission="kms:ListKeys",
        read_only=True,
        audited=Audited(request=("Limit", "Marker")),
    ),
    Operation(
        name="UpdateKeyDescription",
        handler=update_key_description,
        plane=Plane.CONTROL,
        resource=Resource.KEY,
        permission="kms:UpdateKeyDescription",
        read_only=False,
        audited=Audited(request=("KeyId", "Description")),
    ),
    Operation(
        name="EnableKey",
        handler=enable_key,
        plane=Plane.CONTROL,
        resource=Resource.KEY,
        permission="kms:EnableKey",
        read_only=False,
        audited=Audited(request=("KeyId",), key_arn=True),
    ),
    Operation(
        name="DisableKey",
        handler=disable_key,
        plane=Plane.CONTROL,
        resource=Resource.KEY,
        permission="kms:DisableKey",
        read_only=False,
        audited=Audited(request=("KeyId",), key_arn=True),
    ),
    Operation(
        name="ScheduleKeyDeletion",
        handler=schedule_key_deletion,
        plane=Plane.CONTROL,
        resource=Resource.KEY,
        permission="kms:ScheduleKeyDeletion",
        read_only=False,
        audited=Audited(
            request=("KeyId", "PendingWindowInDays"),
            response=("KeyId", "KeyState", "DeletionDate", "PendingWindowInDays"),
        ),
    ),
    Operation(
        name="CancelKeyDeletion",
        handler=cancel_key_deletion,
        plane=Plane.CONTROL,
        resource=Resource.KEY,
        permission="kms:CancelKeyDeletion",
        read_only=False,
        audited=Audited(request=("KeyId",), response=("KeyId",)),
    ),
)
"""Rows of this family."""
