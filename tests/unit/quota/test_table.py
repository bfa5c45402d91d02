"""Every row of the quota tables against the copy transcribed apart."""

import botocore.session
import pytest
from botocore.model import ServiceModel, StringShape

from regionkms.model.errors import ConfigurationError
from regionkms.model.ids import RegionName
from regionkms.model.key_spec import KeySpec, Origin
from regionkms.quota.charging import (
    HOT_KEY_OPERATIONS,
    hot_key_quota_for,
    quota_for,
    store_quota_for,
    target_region_charge,
)
from regionkms.quota.limit import Limit
from regionkms.quota.settings import QuotaSettings
from regionkms.quota.table import REQUEST_QUOTAS, RESOURCE_QUOTAS, QuotaOwner
from tests.contract import quota_table as spec

ANYWHERE = RegionName("eu-west-3")
CHINA = RegionName("cn-north-1")


def model() -> ServiceModel:
    return botocore.session.get_session().get_service_model("kms")


@pytest.mark.parametrize(("region", "rate"), spec.SYMMETRIC_RATES.items())
@pytest.mark.parametrize("operation", spec.SYMMETRIC_OPERATIONS)
@pytest.mark.parametrize("key_spec", spec.SYMMETRIC_SPECS)
def test_symmetric_and_hmac_keys_share_one_quota_by_class_of_region(
    region: str, rate: int, operation: str, key_spec: str
) -> None:
    used = KeySpec(key_spec)
    (quota,) = quota_for(operation, used, destination_spec=used)
    assert quota.code == "CryptographicOperationsSymmetric"
    assert quota.default_in(RegionName(region)) == Limit(count=rate)


@pytest.mark.parametrize(
    ("code", "operations", "specs", "rate"),
    [
        ("CryptographicOperationsRsa", spec.RSA_OPERATIONS, spec.RSA_SPECS, spec.RSA_RATE),
        ("CryptographicOperationsEcc", spec.ECC_OPERATIONS, spec.ECC_SPECS, spec.ECC_RATE),
        ("CryptographicOperationsSm", spec.SM_OPERATIONS, ("SM2",), spec.SM_RATE),
    ],
)
def test_asymmetric_keys_share_a_quota_by_kind(
    code: str, operations: tuple[str, ...], specs: tuple[str, ...], rate: int
) -> None:
    for operation in operations:
        for key_spec in map(KeySpec, specs):
            (quota,) = quota_for(operation, key_spec, destination_spec=key_spec)
            assert (quota.code, quota.default_in(ANYWHERE)) == (code, Limit(count=rate))


@pytest.mark.parametrize(
    ("key_pair_spec", "window"),
    [*spec.DATA_KEY_PAIR_WINDOWS.items(), *spec.NEWER_DATA_KEY_PAIR_WINDOWS.items()],
)
@pytest.mark.parametrize(
    "operation", ["GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext"]
)
def test_each_key_pair_spec_has_a_quota_of_its_own(
    key_pair_spec: str, window: tuple[int, int], operation: str
) -> None:
    (quota,) = quota_for(operation, KeySpec.SYMMETRIC_DEFAULT, key_pair_spec=key_pair_spec)
    count, window_s = window
    assert quota.default_in(ANYWHERE) == Limit(count=count, window_s=window_s)
    assert quota.name == f"GenerateDataKeyPair ({key_pair_spec}) request rate"
    assert quota.documented is (key_pair_spec in spec.DATA_KEY_PAIR_WINDOWS)


@pytest.mark.parametrize(
    ("operation", "window"),
    [*spec.OPERATION_WINDOWS.items(), *spec.NEWER_OPERATION_WINDOWS.items()],
)
def test_each_other_operation_has_a_quota_of_its_own(
    operation: str, window: tuple[int, int]
) -> None:
    count, window_s = window
    (quota,) = quota_for(operation, KeySpec.RSA_2048)
    assert quota.code == operation
    assert quota.default_in(ANYWHERE) == Limit(count=count, window_s=window_s)
    assert quota.owner is QuotaOwner.ACCOUNT
    assert quota.documented is (operation in spec.OPERATION_WINDOWS)


def test_the_table_has_no_row_that_nobody_transcribed() -> None:
    assert len(REQUEST_QUOTAS) == (
        len(spec.OPERATION_WINDOWS)
        + len(spec.NEWER_OPERATION_WINDOWS)
        + len(spec.DATA_KEY_PAIR_WINDOWS)
        + len(spec.NEWER_DATA_KEY_PAIR_WINDOWS)
        + len(("symmetric", "RSA", "ECC", "SM", "CloudHSM store", "external store", "hot key"))
    )
    assert [row.position for row in REQUEST_QUOTAS.values()] == list(range(len(REQUEST_QUOTAS)))
    assert len({row.name for row in REQUEST_QUOTAS.values()}) == len(REQUEST_QUOTAS)


def test_every_operation_of_the_model_is_charged_to_something() -> None:
    for operation in model().operation_names:
        assert quota_for(operation, key_pair_spec="RSA_2048"), operation


def test_every_key_pair_spec_of_the_model_has_a_quota() -> None:
    shape = model().shape_for("DataKeyPairSpec")
    assert isinstance(shape, StringShape)
    assert shape.enum
    for key_pair_spec in shape.enum:
        assert quota_for("GenerateDataKeyPair", key_pair_spec=key_pair_spec)


@pytest.mark.parametrize("operation", ["Encrypt", "Sign", "VerifyMac", "ReEncrypt"])
def test_an_unresolved_key_is_charged_to_the_symmetric_quota(operation: str) -> None:
    (quota,) = quota_for(operation, None)
    assert quota.code == "CryptographicOperationsSymmetric"


def test_an_unresolved_key_is_charged_to_the_operations_own_quota() -> None:
    (quota,) = quota_for("DescribeKey", None)
    assert quota.code == "DescribeKey"


def test_reencrypt_between_kinds_of_keys_is_charged_to_both_once() -> None:
    both = quota_for("ReEncrypt", KeySpec.RSA_2048, destination_spec=KeySpec.SYMMETRIC_DEFAULT)
    assert [quota.code for quota in both] == [
        "CryptographicOperationsRsa",
        "CryptographicOperationsSymmetric",
    ]
    one = quota_for("ReEncrypt", KeySpec.RSA_2048, destination_spec=KeySpec.RSA_4096)
    assert [quota.code for quota in one] == ["CryptographicOperationsRsa"]


def test_an_operation_nobody_knows_has_no_quota() -> None:
    with pytest.raises(ValueError, match="no request quota for Explode with key pair spec None"):
        quota_for("Explode")
    with pytest.raises(ValueError, match="GenerateDataKeyPair with key pair spec DSA_1024"):
        quota_for("GenerateDataKeyPair", key_pair_spec="DSA_1024")


@pytest.mark.parametrize(
    ("origin", "adjustable"), [(Origin.AWS_CLOUDHSM, False), (Origin.EXTERNAL_KEY_STORE, True)]
)
def test_custom_key_stores_have_quotas_of_their_own(origin: Origin, adjustable: object) -> None:
    for operation in model().operation_names:
        quota = store_quota_for(operation, origin)
        assert (quota is not None) is (operation in spec.STORE_OPERATIONS)
        if quota is not None:
            assert quota.default_in(ANYWHERE) == Limit(count=spec.STORE_RATE)
            assert quota.adjustable is adjustable
            assert quota.owner is QuotaOwner.STORE
            assert not quota.listed


def test_ordinary_keys_count_in_no_store() -> None:
    assert store_quota_for("Encrypt", Origin.AWS_KMS) is None
    assert store_quota_for("Encrypt", Origin.EXTERNAL) is None


def test_changes_of_a_keys_state_are_charged_to_the_key() -> None:
    assert set(spec.HOT_KEY_OPERATIONS) == HOT_KEY_OPERATIONS
    for operation in model().operation_names:
        quota = hot_key_quota_for(operation)
        assert (quota is not None) is (operation in spec.HOT_KEY_OPERATIONS)
        if quota is not None:
            assert quota.owner is QuotaOwner.KEY
            assert quota.default_in(ANYWHERE) == Limit(count=1, window_s=1, burst=3)


def test_replication_costs_two_key_creations_in_the_replicas_region() -> None:
    charge = target_region_charge("ReplicateKey")
    assert charge is not None
    assert (charge.quota.code, charge.cost) == ("CreateKey", 2)
    (own,) = quota_for("ReplicateKey")
    assert own.code == "ReplicateKey"


def test_a_change_of_primary_costs_one_request_in_each_region() -> None:
    charge = target_region_charge("UpdatePrimaryRegion")
    assert charge is not None
    assert (charge.quota.code, charge.cost) == ("UpdatePrimaryRegion", 1)
    assert target_region_charge("Encrypt") is None


def test_resource_quotas_are_those_of_the_table() -> None:
    assert {row.name: (row.default, row.adjustable) for row in RESOURCE_QUOTAS.values()} == (
        spec.RESOURCE_LIMITS
    )
    for row in RESOURCE_QUOTAS.values():
        assert str(row.default) in row.exceeded_message(row.default)


def test_the_two_quotas_that_aws_does_not_adjust_are_refused() -> None:
    fixed = {row.code for row in REQUEST_QUOTAS.values() if not row.adjustable}
    fixed |= {row.code for row in RESOURCE_QUOTAS.values() if not row.adjustable}
    assert fixed == {"CustomKeyStoreCloudHsm", "KeyPolicySize"}
    for code in fixed:
        with pytest.raises(ConfigurationError, match="is not adjustable"):
            QuotaSettings().with_override(code, 1)


def test_sm_quotas_are_marked_as_of_china_regions() -> None:
    assert {row.code for row in REQUEST_QUOTAS.values() if row.china_only} == {
        "CryptographicOperationsSm",
        "GenerateDataKeyPairSm2",
    }
    (quota,) = quota_for("Sign", KeySpec.SM2)
    assert quota.default_in(CHINA) == Limit(count=300)
