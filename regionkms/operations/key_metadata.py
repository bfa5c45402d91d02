"""KeyMetadata of a key as CreateKey, DescribeKey and ReplicateKey return it (spec 01 §3.1)."""

from regionkms.model import shapes
from regionkms.model.ids import RegionName, key_arn
from regionkms.model.key import DeletionKind, KmsKey
from regionkms.model.key_spec import KEY_SPECS, KeyUsage
from regionkms.model.key_state import KeyState
from regionkms.model.record import Record
from regionkms.operations.loaded_key import LoadedKey


def key_metadata(
    key: KmsKey, *, region: RegionName, state: KeyState, mirror: Record | None
) -> shapes.KeyMetadata:
    """Show a key.

    Args:
        key: The row.
        region: Where it lives.
        state: Its computed state.
        mirror: The record of a multi-Region key as this Region last saw it; None before that.
    """
    algorithms = list(KEY_SPECS[key.key_spec].algorithms[key.key_usage])
    deletion = key.deletion
    return shapes.KeyMetadata(
        aws_account_id=key.account_id,
        key_id=key.key_id,
        arn=key_arn(region, key.account_id, key.key_id),
        creation_date=key.created_at,
        enabled=state is KeyState.ENABLED,
        description=key.description,
        key_usage=key.key_usage.value,
        key_state=state.value,
        deletion_date=deletion.date if deletion.kind is DeletionKind.PENDING else None,
        pending_deletion_window_in_days=(
            deletion.window_days if deletion.kind is DeletionKind.PENDING_REPLICA else None
        ),
        origin=key.origin.value,
        key_manager=key.key_manager.value,
        customer_master_key_spec=key.key_spec.value,
        key_spec=key.key_spec.value,
        encryption_algorithms=algorithms if key.key_usage is KeyUsage.ENCRYPT_DECRYPT else None,
        signing_algorithms=algorithms if key.key_usage is KeyUsage.SIGN_VERIFY else None,
        mac_algorithms=algorithms if key.key_usage is KeyUsage.GENERATE_VERIFY_MAC else None,
        multi_region=key.multi_region is not None,
        multi_region_configuration=_configuration(key, region, mirror),
    )


def metadata_of(loaded: LoadedKey, region: RegionName) -> shapes.KeyMetadata:
    """Show a key that is in memory."""
    return key_metadata(loaded.key, region=region, state=loaded.state, mirror=loaded.mirror)


def multi_region_key_type(region: RegionName, mirror: Record | None) -> str:
    """PRIMARY or REPLICA, by the record; a key without a record is its founder's primary."""
    is_primary = mirror is None or mirror.primary_region == region
    return "PRIMARY" if is_primary else "REPLICA"


def _configuration(
    key: KmsKey, region: RegionName, mirror: Record | None
) -> shapes.MultiRegionConfiguration | None:
    if key.multi_region is None:
        return None
    primary = region if mirror is None else mirror.primary_region

    def related(name: RegionName) -> shapes.MultiRegionKey:
        return shapes.MultiRegionKey(
            arn=key_arn(name, key.account_id, key.key_id), region=str(name)
        )

    members = () if mirror is None else mirror.members
    return shapes.MultiRegionConfiguration(
        multi_region_key_type=multi_region_key_type(region, mirror),
        primary_key=related(primary),
        replica_keys=[
            related(member.region)
            for member in members
            if member.may_receive and member.region != primary
        ],
    )
