import pytest

from regionkms.model.errors import ConfigurationError
from regionkms.model.ids import AccountId, RegionName
from regionkms.quota.limit import Limit
from regionkms.quota.settings import QuotaMode, QuotaSettings, parse_quota_mode
from regionkms.quota.table import ALIASES_PER_KEY, KMS_KEYS, REQUEST_QUOTAS

REGION = RegionName("us-east-1")
A = AccountId("111122223333")
B = AccountId("444455556666")
CREATE_KEY = REQUEST_QUOTAS["CreateKey"]
SYMMETRIC = REQUEST_QUOTAS["CryptographicOperationsSymmetric"]
HOT_KEY = REQUEST_QUOTAS["HotKey"]


def test_the_default_mode_is_that_of_aws() -> None:
    settings = parse_quota_mode("aws")
    assert settings == QuotaSettings()
    assert settings.request_limit(REGION, SYMMETRIC) == Limit(count=50_000)
    assert settings.request_limit(RegionName("eu-west-3"), SYMMETRIC) == Limit(count=5500)


def test_off_limits_no_request_and_every_resource() -> None:
    settings = parse_quota_mode("off").with_override("CreateKey", 1)
    assert settings.mode is QuotaMode.OFF
    assert settings.request_limit(REGION, CREATE_KEY) is None
    assert settings.resource_limit(KMS_KEYS) == 100_000


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("x10", Limit(count=50)),
        ("x0.5", Limit(count=2)),
        ("x0.1", Limit(count=1, window_s=2)),
        ("x1", Limit(count=5)),
    ],
)
def test_a_factor_scales_request_quotas(text: str, limit: Limit) -> None:
    assert parse_quota_mode(text).request_limit(REGION, CREATE_KEY) == limit


def test_a_factor_leaves_resource_quotas_and_overrides_alone() -> None:
    settings = parse_quota_mode("x10").with_override("CreateKey", 7)
    assert settings.request_limit(REGION, CREATE_KEY) == Limit(count=7)
    assert settings.resource_limit(ALIASES_PER_KEY) == 50


@pytest.mark.parametrize("text", ["", "AWS", "x", "x-1", "10", "x1e9", "xNaN", "x1 ", "off\n"])
def test_a_mode_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="quotas are 'aws', 'off' or 'xN', not"):
        parse_quota_mode(text)


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan"), float("inf")])
def test_a_scale_that_is_no_positive_number_is_refused(scale: float) -> None:
    with pytest.raises(ConfigurationError, match="scale of quotas is a positive number"):
        QuotaSettings(mode=QuotaMode.SCALED, scale=scale)


def test_x0_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"positive number, not 0\.0"):
        parse_quota_mode("x0")


def test_an_accounts_override_goes_before_the_regions() -> None:
    settings = (
        QuotaSettings().with_override("CreateKey", 20).with_override("CreateKey", 3, account_id=A)
    )
    assert settings.request_limit(REGION, CREATE_KEY, A) == Limit(count=3)
    assert settings.request_limit(REGION, CREATE_KEY, B) == Limit(count=20)
    assert settings.request_limit(REGION, CREATE_KEY) == Limit(count=20)


def test_a_rate_below_one_a_second_can_be_set() -> None:
    settings = QuotaSettings().with_override("CreateKey", 0.2)
    assert settings.request_limit(REGION, CREATE_KEY) == Limit(count=1, window_s=5)


def test_the_hot_key_limiters_burst_follows_its_rate() -> None:
    settings = QuotaSettings().with_override("HotKey", 2)
    assert settings.request_limit(REGION, HOT_KEY) == Limit(count=2, burst=6)


def test_a_resource_quota_can_be_set_to_zero() -> None:
    settings = QuotaSettings().with_override("KmsKeys", 0, account_id=A)
    assert settings.resource_limit(KMS_KEYS, A) == 0
    assert settings.resource_limit(KMS_KEYS, B) == 100_000


@pytest.mark.parametrize(
    ("code", "value", "message"),
    [
        ("NoSuchQuota", 1, "there is no quota 'NoSuchQuota'"),
        ("CreateKey", 0, "CreateKey request rate can't be 0 a second"),
        ("CreateKey", -5, "can't be -5 a second"),
        ("CreateKey", float("nan"), "can't be nan a second"),
        ("CreateKey", float("inf"), "can't be inf a second"),
        ("CreateKey", 1e12, "can't be 1000000000000.0 a second"),
        ("CreateKey", 1e-5, "can't be 1e-05 a second"),
        ("KmsKeys", -1, "AWS KMS keys is a whole number, not -1"),
        ("KmsKeys", 1.5, "AWS KMS keys is a whole number, not 1.5"),
        ("KmsKeys", float("inf"), "AWS KMS keys is a whole number, not inf"),
        ("KeyPolicySize", 65_536, "Key policy document size is not adjustable"),
        ("CustomKeyStoreCloudHsm", 2000, "is not adjustable"),
    ],
)
def test_an_override_that_makes_no_sense_is_refused(code: str, value: float, message: str) -> None:
    settings = QuotaSettings()
    with pytest.raises(ConfigurationError) as refused:
        settings.with_override(code, value)
    assert message in str(refused.value)
    assert settings.overrides == {}


@pytest.mark.parametrize("code", ["HotKey", "CustomKeyStoreExternal"])
def test_a_quota_of_a_key_or_store_is_not_set_for_an_account(code: str) -> None:
    with pytest.raises(ConfigurationError, match="does not belong to an account"):
        QuotaSettings().with_override(code, 5, account_id=A)
