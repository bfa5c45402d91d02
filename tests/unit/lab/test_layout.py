from pathlib import Path

import pytest

from regionkms.lab.layout import ETCD, Folder, Ports, etcd_names
from regionkms.model.errors import ConfigurationError
from regionkms.model.ids import RegionName
from regionkms.node.command_socket import OPERATOR_SOCKET_NAME

REGIONS = tuple(map(RegionName, ("us-east-1", "eu-west-1", "ap-southeast-2")))


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("regions", [REGIONS[:1], REGIONS[:2], REGIONS])
def test_no_two_things_share_a_port(regions: tuple[RegionName, ...], members: int) -> None:
    ports = Ports(regions=regions, base_port=8101, etcd_members=members)
    used = [
        ports.front_door,
        *map(ports.endpoint, regions),
        *map(ports.transport, regions),
        *map(ports.etcd_client, range(members)),
        *map(ports.etcd_peer, range(members)),
        *(way.port for way in ports.ways()),
    ]
    assert sorted(used) == ports.all()


def test_endpoints_are_consecutive_and_the_front_door_is_one_below() -> None:
    ports = Ports(regions=REGIONS, base_port=8101)
    assert [ports.endpoint(region) for region in REGIONS] == [8101, 8102, 8103]
    assert ports.front_door == 8100


def test_every_pair_has_a_way_of_its_own_in_each_direction() -> None:
    ports = Ports(regions=REGIONS, base_port=8101)
    pairs = [(way.source, way.target) for way in ports.ways()]
    expected = {(a, b) for a in REGIONS for b in REGIONS if a != b} | {(a, ETCD) for a in REGIONS}
    assert len(pairs) == len(expected)
    assert set(pairs) == expected
    leads = {way.target: way.target_port for way in ports.ways()}
    assert leads[REGIONS[1]] == ports.transport(REGIONS[1])
    assert leads[ETCD] == ports.etcd_client(0)


@pytest.mark.parametrize(
    ("regions", "base_port", "members", "message"),
    [
        (("nowhere",), 8101, 1, "'nowhere' is no Region's name such as eu-west-1"),
        ((), 8101, 1, "a lab has 1 to 16 Regions"),
        (("eu-west-1", "eu-west-1"), 8101, 1, "a Region is named twice"),
        (("eu-west-1",), 80, 1, "base-port must be 1025 to 65530 for this lab, got 80"),
        (("eu-west-1",), 65_535, 1, "base-port must be 1025 to 65530 for this lab, got 65535"),
        (("eu-west-1",), 8101, 0, "a lab has 1 to 5 etcd members"),
    ],
)
def test_a_lab_that_can_not_be_is_refused(
    regions: tuple[str, ...], base_port: int, members: int, message: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        Ports(regions=tuple(map(RegionName, regions)), base_port=base_port, etcd_members=members)
    assert str(refused.value) == message


def test_root_key_and_enrolment_lie_outside_the_data_directory() -> None:
    folder = Folder(Path("/lab"))
    region = REGIONS[0]
    for path in (folder.root_key(region), folder.enrolment(region), folder.authority):
        assert not path.is_relative_to(folder.data(region))
    assert folder.operator_socket(region) == folder.data(region) / OPERATOR_SOCKET_NAME


def test_etcd_members_are_named_by_number() -> None:
    assert etcd_names(3) == ["etcd-0", "etcd-1", "etcd-2"]
