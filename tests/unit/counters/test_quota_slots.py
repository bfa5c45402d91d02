from collections.abc import Iterator

import pytest

from regionkms.counters.area import SharedMemory
from regionkms.counters.layout import SLOT_WORDS, AreaLayout
from regionkms.counters.quota_slots import PROBES, WORD, CountName, QuotaSlots, count_name

LAYOUT = AreaLayout(processes=2, quota_slots=64)


@pytest.fixture
def area() -> Iterator[SharedMemory]:
    area = SharedMemory.create(LAYOUT)
    yield area
    area.close()


@pytest.fixture
def slots(area: SharedMemory) -> QuotaSlots:
    return QuotaSlots(area, 0)


def colliding(number: int) -> CountName:
    """Names that all want to lie in the same slot."""
    return CountName(5, number + 1)


def test_names_differ_by_code_and_by_owner() -> None:
    names = {
        count_name(code, owner)
        for code in ("CreateKey", "CreateAlias", "CreateKey1")
        for owner in ("111122223333", "1111222233334", "arn:aws:kms:us-east-1:1:key/1")
    }
    assert len(names) == 9


def test_a_count_is_found_where_it_was_opened(slots: QuotaSlots) -> None:
    name = count_name("CreateKey", "111122223333")
    assert slots.find(slots.own, name) == -1
    at = slots.open(name, now_us=10, expires_us=20)
    assert slots.find(slots.own, name) == at
    assert slots.holds(slots.own, at, name)
    assert slots.open(name, now_us=15, expires_us=30) == at


def test_counts_that_collide_keep_words_of_their_own(slots: QuotaSlots) -> None:
    for number in range(PROBES):
        at = slots.open(colliding(number), now_us=10, expires_us=20)
        assert slots.own[at + WORD] == 0
        slots.own[at + WORD] = number
    for number in range(PROBES):
        at = slots.find(slots.own, colliding(number))
        assert slots.own[at + WORD] == number


def test_a_count_that_finds_only_living_ones_is_not_opened(slots: QuotaSlots) -> None:
    for number in range(PROBES):
        slots.open(colliding(number), now_us=10, expires_us=20)
    assert slots.open(colliding(PROBES), now_us=19, expires_us=30) == -1
    assert slots.find(slots.own, colliding(PROBES)) == -1


def test_a_slot_that_has_expired_is_given_to_another_count_empty(slots: QuotaSlots) -> None:
    for number in range(PROBES):
        at = slots.open(colliding(number), now_us=10, expires_us=20 if number == 7 else 40)
        slots.own[at + WORD] = 99
    at = slots.open(colliding(PROBES), now_us=20, expires_us=30)
    assert at == ((5 + 7) % 64) * SLOT_WORDS
    assert slots.own[at + WORD] == 0
    assert slots.find(slots.own, colliding(7)) == -1
    assert slots.find(slots.own, colliding(8)) >= 0


def test_other_processes_see_a_count_and_that_there_is_a_new_one(area: SharedMemory) -> None:
    one, other = QuotaSlots(area, 0), QuotaSlots(area, 1)
    name = count_name("CreateKey", "111122223333")
    before = other.other_inserts[0][0]
    at = one.open(name, now_us=1, expires_us=2)
    one.own[at + WORD] = 5
    assert other.other_inserts[0][0] != before
    found = other.find(other.others[0], name)
    assert other.others[0][found + WORD] == 5
    assert other.find(other.own, name) == -1


def test_a_table_smaller_than_a_search_is_searched_once_around() -> None:
    area = SharedMemory.create(AreaLayout(processes=1, quota_slots=4))
    slots = QuotaSlots(area, 0)
    for number in range(4):
        assert slots.open(colliding(number), now_us=1, expires_us=9) >= 0
    assert slots.open(colliding(4), now_us=1, expires_us=9) == -1
    area.close()
