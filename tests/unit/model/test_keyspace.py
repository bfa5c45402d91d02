import pytest

from regionkms.model.ids import AccountId, KeyId, RegionName
from regionkms.model.keyspace import Keyspace, NamedRecord, range_end
from regionkms.model.record import ClusterName

NAMES = Keyspace(ClusterName("lab-0011223344556677"))
ACCOUNT = AccountId("111122223333")
KEY = KeyId("mrk-" + "a" * 32)
EU = RegionName("eu-west-1")


def test_names_are_as_the_protocol_lists_them() -> None:
    root = "/regionkms/lab-0011223344556677"
    assert NAMES.record(ACCOUNT, KEY).decode() == f"{root}/mrk/{ACCOUNT}/{KEY}"
    assert NAMES.proposal(ACCOUNT, KEY, EU).decode() == f"{root}/proposals/{ACCOUNT}/{KEY}/{EU}"
    assert NAMES.entry(EU).decode() == f"{root}/regions/{EU}"
    assert NAMES.lease(EU).decode() == f"{root}/alive/{EU}"
    assert NAMES.leases.decode() == f"{root}/alive/"
    assert NAMES.proposals(ACCOUNT, KEY).decode() == f"{root}/proposals/{ACCOUNT}/{KEY}/"
    assert NAMES.incarnation.decode() == f"{root}/incarnation"


def test_names_of_records_and_proposals_lead_back_to_their_key() -> None:
    expected = NamedRecord(account_id=ACCOUNT, key_id=KEY)
    assert NAMES.named_record(NAMES.record(ACCOUNT, KEY)) == expected
    assert NAMES.named_record(NAMES.proposal(ACCOUNT, KEY, EU)) == expected
    assert NAMES.last_part(NAMES.proposal(ACCOUNT, KEY, EU)) == EU


@pytest.mark.parametrize(
    "name",
    [
        b"",
        b"/regionkms/other/mrk/111122223333/mrk-" + b"a" * 32,
        NAMES.entry(EU),
        NAMES.incarnation,
        NAMES.records + b"111122223333",
        NAMES.records + b"x/mrk-" + b"a" * 32,
        NAMES.records + b"111122223333/mrk-short",
        NAMES.records + b"\xff\xff/mrk-" + b"a" * 32,
    ],
)
def test_other_names_are_about_no_key(name: bytes) -> None:
    assert NAMES.named_record(name) is None


def test_the_directory_is_told_from_the_rest() -> None:
    assert NAMES.in_directory(NAMES.incarnation)
    assert NAMES.in_directory(NAMES.entry(EU))
    assert not NAMES.in_directory(NAMES.lease(EU))
    assert not NAMES.in_directory(NAMES.record(ACCOUNT, KEY))


def test_the_range_of_a_prefix_ends_behind_its_last_key() -> None:
    assert range_end(b"/a/") == b"/a0"
    for prefix in (b"", b"a\xff"):
        with pytest.raises(ValueError, match="a prefix ends in a byte that has a successor"):
            range_end(prefix)
