"""Q1-Q12 of spec 07 §4.4, and every limit at its edge, on the pure rules and on shared memory."""

from collections.abc import Callable, Iterator

import pytest

from regionkms.counters.area import SharedMemory
from regionkms.counters.layout import AreaLayout
from regionkms.counters.quota_counter import SharedQuotaCounter
from regionkms.model.ids import AccountId, RegionName
from regionkms.model.key_spec import KeySpec, Origin
from regionkms.ports.quota_counter import QuotaCounter
from regionkms.quota.charging import hot_key_quota_for, quota_for, store_quota_for
from regionkms.quota.settings import QuotaSettings
from regionkms.quota.table import REQUEST_QUOTAS, QuotaOwner
from tests.support.clock import FakeClock
from tests.support.quota_counter import InMemoryQuotaCounter

A = AccountId("111122223333")
B = AccountId("444455556666")
SYMMETRIC = KeySpec.SYMMETRIC_DEFAULT
Build = Callable[[str], QuotaCounter]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["twin", "shared memory"])
def build(request: pytest.FixtureRequest, clock: FakeClock) -> Iterator[Build]:
    area = SharedMemory.create(AreaLayout(processes=3, quota_slots=1024))

    def in_region(region: str) -> QuotaCounter:
        name, settings = RegionName(region), QuotaSettings()
        if request.param == "twin":
            return InMemoryQuotaCounter(name, settings, clock)
        return SharedQuotaCounter(area, 2, region=name, settings=settings, clock=clock)

    yield in_region
    area.close()


class Client:
    """Calls operations and counts how many were admitted."""

    def __init__(self, counter: QuotaCounter, account_id: AccountId = A) -> None:
        self.counter = counter
        self.account_id = account_id

    def call(self, operation: str, times: int, key_spec: KeySpec | None = SYMMETRIC) -> int:
        quotas = quota_for(operation, key_spec, destination_spec=key_spec, key_pair_spec="RSA_4096")
        return sum(
            all(self.counter.admit(self.account_id, quota).admitted for quota in quotas)
            for _ in range(times)
        )

    def call_on_store(self, operation: str, times: int, store: str) -> int:
        quota = store_quota_for(operation, Origin.EXTERNAL_KEY_STORE)
        admitted = 0
        for _ in range(times):
            own = self.call(operation, 1)
            if quota is None:
                admitted += own
            else:
                admitted += self.counter.admit(self.account_id, quota, scope=store).admitted
        return admitted


def test_q1_nine_thousand_symmetric_calls_fit_ten_thousand(build: Build) -> None:
    client = Client(build("eu-west-2"))
    assert client.call("GenerateDataKey", 7000) == 7000
    assert client.call("Decrypt", 2000) == 2000


def test_q2_the_excess_over_ten_thousand_is_throttled(build: Build) -> None:
    client = Client(build("eu-west-2"))
    assert client.call("GenerateDataKey", 9500) == 9500
    assert client.call("Encrypt", 1000) == 500


def test_q3_rsa_calls_of_all_kinds_share_five_hundred(build: Build) -> None:
    client = Client(build("eu-west-3"))
    for operation, times in (("Encrypt", 200), ("Decrypt", 100), ("Sign", 50), ("Verify", 150)):
        assert client.call(operation, times, KeySpec.RSA_3072) == times
    assert client.call("Verify", 1, KeySpec.RSA_2048) == 0


def test_q4_ecc_calls_share_three_hundred(build: Build) -> None:
    client = Client(build("eu-west-3"))
    assert client.call("Sign", 100, KeySpec.ECC_NIST_P256) == 100
    assert client.call("Verify", 200, KeySpec.ECC_SECG_P256K1) == 200
    assert client.call("Sign", 1, KeySpec.ECC_NIST_P521) == 0


def test_q5_sm_calls_share_three_hundred(build: Build) -> None:
    client = Client(build("cn-north-1"))
    for operation, times in (("Encrypt", 100), ("Decrypt", 100), ("Sign", 50), ("Verify", 50)):
        assert client.call(operation, times, KeySpec.SM2) == times
    assert client.call("Sign", 1, KeySpec.SM2) == 0


def test_q6_the_shared_quotas_fill_independently(build: Build) -> None:
    client = Client(build("ap-southeast-1"))
    assert client.call("Encrypt", 9000) == 9000
    assert client.call("GenerateMac", 1000, KeySpec.HMAC_512) == 1000
    assert client.call("Sign", 500, KeySpec.RSA_2048) == 500
    assert client.call("Sign", 300, KeySpec.ECC_NIST_P384) == 300
    assert client.call("VerifyMac", 1, KeySpec.HMAC_224) == 0


def test_q7_a_call_on_a_custom_key_store_counts_there_too(build: Build) -> None:
    client = Client(build("us-east-1"))
    assert client.call_on_store("Encrypt", 1801, "cks-1") == 1800
    assert client.call_on_store("Encrypt", 1, "cks-2") == 1
    assert client.call("Encrypt", 50_000) == 50_000 - 1802


def test_q7_several_accounts_consume_one_stores_quota(build: Build) -> None:
    counter = build("us-east-1")
    assert Client(counter, A).call_on_store("Decrypt", 1000, "cks-1") == 1000
    assert Client(counter, B).call_on_store("Decrypt", 1000, "cks-1") == 800


def test_q8_a_management_call_on_a_store_key_counts_only_as_itself(build: Build) -> None:
    client = Client(build("us-east-1"))
    assert client.call_on_store("PutKeyPolicy", 16, "cks-1") == 15
    assert client.call_on_store("Encrypt", 1800, "cks-1") == 1800


def test_q9_the_callers_account_is_charged_alone(build: Build) -> None:
    counter = build("eu-west-2")
    assert Client(counter, A).call("Encrypt", 10_001) == 10_000
    assert Client(counter, B).call("Encrypt", 10_001) == 10_000


def test_q10_shared_quotas_and_management_quotas_are_separate(build: Build) -> None:
    client = Client(build("eu-west-2"))
    assert client.call("Encrypt", 10_000) == 10_000
    assert client.call("EnableKey", 5) == 5
    assert client.call("EnableKey", 1) == 0


def test_q11_throttled_aliases_do_not_throttle_keys(build: Build) -> None:
    client = Client(build("eu-west-2"))
    assert client.call("CreateAlias", 6) == 5
    assert client.call("CreateKey", 5) == 5


def test_q12_a_flood_is_throttled_until_the_next_second(build: Build, clock: FakeClock) -> None:
    client = Client(build("eu-west-2"))
    assert client.call("DescribeKey", 2001) == 2000
    clock.advance(0.9)
    assert client.call("DescribeKey", 100) == 0
    clock.advance(0.1)
    assert client.call("DescribeKey", 2001) == 2000


@pytest.mark.parametrize(
    "code", [quota.code for quota in REQUEST_QUOTAS.values() if quota.code != "HotKey"]
)
def test_every_quota_admits_its_limit_and_not_one_more(
    build: Build, clock: FakeClock, code: str
) -> None:
    quota = REQUEST_QUOTAS[code]
    counter = build("ca-central-1")
    scope = "" if quota.owner is QuotaOwner.ACCOUNT else "cks-1"
    limit = quota.default
    clock.advance(-clock.monotonic() % limit.window_s)
    for _ in range(2):
        for _ in range(limit.count):
            assert counter.admit(A, quota, scope=scope).admitted
        refused = counter.admit(A, quota, scope=scope)
        assert not refused.admitted
        assert refused.left == 0
        assert refused.retry_after_s == pytest.approx(limit.window_s)
        clock.advance(limit.window_s - 0.001)
        assert not counter.admit(A, quota, scope=scope).admitted
        clock.advance(0.001)


def test_changes_of_one_key_are_throttled_below_the_operations_quota(
    build: Build, clock: FakeClock
) -> None:
    counter = build("us-east-1")
    one = "arn:aws:kms:us-east-1:111122223333:key/1"
    other = "arn:aws:kms:us-east-1:111122223333:key/2"
    enable, disable = hot_key_quota_for("EnableKey"), hot_key_quota_for("DisableKey")
    assert enable is not None
    assert disable is not None
    for quota in (enable, disable, enable):
        assert counter.admit(A, quota, scope=one).admitted
    refused = counter.admit(A, disable, scope=one)
    assert not refused.admitted
    assert refused.retry_after_s == pytest.approx(1.0)
    assert counter.admit(B, disable, scope=other).admitted
    clock.advance(1.0)
    assert counter.admit(B, enable, scope=one).admitted
    assert not counter.admit(A, disable, scope=one).admitted


def test_a_call_of_two_requests_is_counted_whole_or_not_at_all(build: Build) -> None:
    counter = build("us-east-1")
    create = REQUEST_QUOTAS["CreateKey"]
    assert counter.admit(A, create, cost=2).admitted
    assert counter.admit(A, create, cost=2).admitted
    assert not counter.admit(A, create, cost=2).admitted
    assert counter.admit(A, create).admitted
    assert not counter.admit(A, create).admitted


def test_usage_tells_admitted_and_throttled_requests_by_quota(build: Build) -> None:
    counter = build("us-east-1")
    Client(counter).call("CreateKey", 7)
    counter.flush()
    counter.flush()
    usage = {row.code: (row.admitted, row.throttled) for row in counter.usage()}
    assert usage["CreateKey"] == (5, 2)
    assert usage["CreateAlias"] == (0, 0)
    assert list(usage) == list(REQUEST_QUOTAS)


def test_other_settings_apply_from_the_next_request_on(build: Build) -> None:
    counter = build("us-east-1")
    client = Client(counter)
    assert client.call("CreateKey", 6) == 5
    counter.use(QuotaSettings().with_override("CreateKey", 7))
    assert client.call("CreateKey", 6) == 2
    counter.use(QuotaSettings().with_override("CreateKey", 3, account_id=A))
    assert client.call("CreateKey", 1) == 0
    assert Client(counter, B).call("CreateKey", 6) == 5
