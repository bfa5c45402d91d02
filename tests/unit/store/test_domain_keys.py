import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from regionkms.crypto.fields import length_prefixed
from regionkms.crypto.material import Material
from regionkms.model.errors import ConfigurationError, MaterialUnreadable, VaultSealed
from regionkms.model.ids import DomainKeyId
from regionkms.store.domain_keys import (
    HAND_OVER,
    DomainKeys,
    create_domain_key,
    open_domain_keys,
    receive_domain_keys,
    send_domain_keys,
)

ROOT = Material(bytes(range(32)))
KEYS = DomainKeys(
    materials={
        DomainKeyId("a" * 32): Material(b"A" * 32),
        DomainKeyId("b" * 32): Material(b"B" * 32),
    },
    current=DomainKeyId("b" * 32),
)


@pytest.fixture
def channel() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair()
    with one, other:
        other.settimeout(5)
        yield one, other


def test_made_domain_keys_open_under_the_root_key() -> None:
    first, row = create_domain_key(ROOT, created_at=1.0)
    second, newer = create_domain_key(ROOT, created_at=2.0, beside=row.domain_key_id)
    keys = open_domain_keys(ROOT, [replace(row, current=False), newer])
    assert keys.current == newer.domain_key_id
    assert keys.materials == {row.domain_key_id: first, newer.domain_key_id: second}
    assert first != second
    assert (row.created_at, row.current) == (1.0, True)
    assert len(row.domain_key_id) == 32
    assert first.reveal() not in row.wrapped


def test_another_root_key_opens_nothing() -> None:
    _, row = create_domain_key(ROOT, created_at=1.0)
    with pytest.raises(MaterialUnreadable, match=rf"^domain key {row.domain_key_id} does not open"):
        open_domain_keys(Material(bytes(32)), [row])


def test_domain_keys_of_two_stores_are_not_opened_together() -> None:
    _, one = create_domain_key(ROOT, created_at=1.0)
    _, other = create_domain_key(ROOT, created_at=2.0)
    with pytest.raises(ConfigurationError, match="The store has domain keys of several stores"):
        open_domain_keys(ROOT, [one, replace(other, current=False)])


def test_swapped_domain_keys_do_not_open() -> None:
    _, one = create_domain_key(ROOT, created_at=1.0)
    _, other = create_domain_key(ROOT, created_at=1.0)
    for swapped in (replace(one, wrapped=other.wrapped), replace(other, wrapped=one.wrapped)):
        with pytest.raises(MaterialUnreadable, match="does not open: the root key is another st"):
            open_domain_keys(ROOT, [swapped])


def test_every_flipped_byte_of_a_domain_key_is_refused() -> None:
    _, row = create_domain_key(ROOT, created_at=1.0)
    for position in range(len(row.wrapped)):
        altered = bytearray(row.wrapped)
        altered[position] ^= 1 << (position % 8)
        with pytest.raises(MaterialUnreadable):
            open_domain_keys(ROOT, [replace(row, wrapped=bytes(altered))])


def test_exactly_one_domain_key_is_current() -> None:
    _, row = create_domain_key(ROOT, created_at=1.0)
    _, other = create_domain_key(ROOT, created_at=1.0)
    for rows, shown in (
        ([], "0 domain keys, 0 of them current"),
        ([replace(row, current=False)], "1 domain keys, 0 of them current"),
        ([row, other], "2 domain keys, 2 of them current"),
    ):
        with pytest.raises(ConfigurationError, match=shown):
            open_domain_keys(ROOT, rows)


def test_domain_keys_are_handed_over(channel: tuple[socket.socket, socket.socket]) -> None:
    send_domain_keys(channel[0], KEYS)
    assert receive_domain_keys(channel[1]) == KEYS


def test_a_hand_over_in_small_parts_is_put_together(
    channel: tuple[socket.socket, socket.socket],
) -> None:
    send_domain_keys(channel[0], KEYS)
    frame = channel[1].recv(65536)
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)  # keeps the parts apart
    with one, other:
        other.settimeout(5)
        one.sendall(frame[:4])
        for position in range(4, len(frame), 13):
            one.sendall(frame[position : position + 13])
        assert receive_domain_keys(other) == KEYS


def test_a_supervisor_that_closes_is_noticed(channel: tuple[socket.socket, socket.socket]) -> None:
    channel[0].sendall(b"\x00\x00\x00\x20half")
    channel[0].close()
    with pytest.raises(VaultSealed, match=r"^the supervisor closed before the domain keys came$"):
        receive_domain_keys(channel[1])


def test_a_silent_supervisor_is_given_up(channel: tuple[socket.socket, socket.socket]) -> None:
    channel[1].settimeout(0.01)
    with pytest.raises(VaultSealed, match=r"^the domain keys did not come$"):
        receive_domain_keys(channel[1])


def test_a_child_that_is_gone_is_noticed(channel: tuple[socket.socket, socket.socket]) -> None:
    channel[1].close()
    with pytest.raises(VaultSealed, match=r"^the domain keys could not be handed over$"):
        send_domain_keys(channel[0], KEYS)


ID = b"a" * 32


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00",
        length_prefixed(HAND_OVER),
        length_prefixed(HAND_OVER, ID),
        length_prefixed(HAND_OVER, ID, ID),
        length_prefixed(HAND_OVER, ID, ID, b"short"),
        length_prefixed(HAND_OVER, ID, b"b" * 32, bytes(32)),
        length_prefixed(b"regionkms/domain-keys/v2", ID, ID, bytes(32)),
        length_prefixed(HAND_OVER, ID, ID, bytes(32))[:-1],
        length_prefixed(HAND_OVER, ID, ID, bytes(32)) + b"\xff\xff\xff\xff",
    ],
)
def test_bytes_that_are_no_hand_over_are_refused(
    channel: tuple[socket.socket, socket.socket], body: bytes
) -> None:
    channel[0].sendall(len(body).to_bytes(4, "big") + body)
    with pytest.raises(VaultSealed, match=r"^what came is no hand-over of domain keys$") as refusal:
        receive_domain_keys(channel[1])
    assert refusal.value.__cause__ is None


def test_a_hand_over_of_any_announced_length_is_bounded(
    channel: tuple[socket.socket, socket.socket],
) -> None:
    channel[0].sendall(b"\xff\xff\xff\xff")
    with pytest.raises(VaultSealed, match=r"^the hand-over of domain keys is too long$"):
        receive_domain_keys(channel[1])


def test_domain_keys_show_no_secret() -> None:
    assert "AAAA" not in repr(KEYS)
    assert b"A".hex() * 4 not in repr(KEYS)
