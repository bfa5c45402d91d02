"""Pages of every list: bounds of Limit, markers, and rows that come and go between pages."""

import base64
from typing import Any, Final

import pytest

from tests.support.node import (
    CROWDED,
    RunningNode,
    fresh_alias,
    refused,
)

MARKER: Final = "The marker is not valid. Use NextMarker of the page before, unchanged."
BAD_MARKERS: Final = (
    "x",
    "not a marker",
    base64.b64encode(b"2:alias/x").decode(),
    base64.b64encode(b"1:a\0b").decode(),
    base64.b64encode(b"\xff\xfe").decode(),
    "é",
    "MTp4=",
)
LISTS: Final = ("list_keys", "list_aliases", "list_resource_tags", "list_key_policies")


def members_of(operation: str, key_id: str) -> dict[str, str]:
    return {} if operation in {"list_keys", "list_aliases"} else {"KeyId": key_id}


@pytest.mark.parametrize("operation", LISTS)
@pytest.mark.parametrize("limit", [0, -1, 1001])
def test_limits_outside_of_the_model_are_refused(
    unchecked: Any, key: dict[str, Any], operation: str, limit: int
) -> None:
    with refused("ValidationException") as facts:
        getattr(unchecked, operation)(Limit=limit, **members_of(operation, key["KeyId"]))
    assert f"Value '{limit}' at 'limit' failed to satisfy constraint" in facts["Error"]["Message"]


@pytest.mark.parametrize("operation", LISTS)
@pytest.mark.parametrize("marker", BAD_MARKERS)
def test_a_marker_that_was_never_given_is_refused(
    kms: Any, key: dict[str, Any], operation: str, marker: str
) -> None:
    with refused("InvalidMarkerException", MARKER):
        getattr(kms, operation)(Marker=marker, **members_of(operation, key["KeyId"]))


@pytest.mark.parametrize("operation", LISTS)
def test_an_empty_or_overlong_marker_names_the_member(
    unchecked: Any, key: dict[str, Any], operation: str
) -> None:
    for marker in ("", "x" * 1025):
        with refused("ValidationException") as facts:
            getattr(unchecked, operation)(Marker=marker, **members_of(operation, key["KeyId"]))
        assert "at 'marker' failed to satisfy constraint" in facts["Error"]["Message"]


@pytest.fixture(scope="module")
def many(node: RunningNode) -> tuple[Any, list[str]]:
    """A client whose account has 105 keys, and their ids in the order that lists show."""
    client = node.client(CROWDED)
    for _ in range(105):
        client.create_key()
    return client, [
        entry["KeyId"]
        for page in client.get_paginator("list_keys").paginate()
        for entry in page["Keys"]
    ]


@pytest.mark.feature("F01-32", "F07-64")
def test_list_keys_shows_100_keys_unless_asked_for_others(many: tuple[Any, list[str]]) -> None:
    client, key_ids = many
    first = client.list_keys()
    assert (len(first["Keys"]), first["Truncated"]) == (100, True)
    rest = client.list_keys(Marker=first["NextMarker"])
    assert rest["Truncated"] is False
    assert "NextMarker" not in rest
    shown = [entry["KeyId"] for entry in first["Keys"] + rest["Keys"]]
    assert len(shown) == len(set(shown)) >= 105
    assert set(shown) >= set(key_ids)
    for entry in first["Keys"]:
        assert entry == {
            "KeyId": entry["KeyId"],
            "KeyArn": f"arn:aws:kms:eu-west-1:{CROWDED.account_id}:key/{entry['KeyId']}",
        }


@pytest.mark.parametrize("limit", [1, 7, 52, 105, 1000])
def test_every_page_size_shows_every_key_once(many: tuple[Any, list[str]], limit: int) -> None:
    client, key_ids = many
    pages = list(client.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": limit}))
    shown = [entry["KeyId"] for page in pages for entry in page["Keys"]]
    assert shown == sorted(set(shown))
    assert set(shown) >= set(key_ids)
    assert [len(page["Keys"]) for page in pages[:-1]] == [limit] * (len(pages) - 1)
    assert all(page["Truncated"] for page in pages[:-1])


def test_rows_that_come_and_go_do_not_disturb_the_others(kms: Any) -> None:
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    stem = fresh_alias()
    names = [f"{stem}-{n:02}" for n in range(20)]
    for name in names:
        kms.create_alias(AliasName=name, TargetKeyId=key_id)
    shown: list[str] = []
    page = kms.list_aliases(KeyId=key_id, Limit=5)
    while True:
        shown += [alias["AliasName"] for alias in page["Aliases"]]
        if not page["Truncated"]:
            break
        if len(shown) == 5:
            kms.delete_alias(AliasName=names[4])  # the row that the marker stands on
            kms.delete_alias(AliasName=names[10])  # not shown yet
            kms.create_alias(AliasName=f"{stem}-00b", TargetKeyId=key_id)  # before the marker
            kms.create_alias(AliasName=f"{stem}-15b", TargetKeyId=key_id)  # behind it
        page = kms.list_aliases(KeyId=key_id, Limit=5, Marker=page["NextMarker"])
    expected = [*names[:10], *names[11:16], f"{stem}-15b", *names[16:]]
    assert shown == expected


@pytest.mark.feature("F01-22")
def test_list_aliases_shows_50_and_never_more_than_100(node: RunningNode, kms: Any) -> None:
    key_id = ""
    for _ in range(3):
        key_id = kms.create_key()["KeyMetadata"]["KeyId"]
        for _ in range(40):
            kms.create_alias(AliasName=fresh_alias(), TargetKeyId=key_id)
    assert len(kms.list_aliases()["Aliases"]) == 50
    assert len(kms.list_aliases(Limit=100)["Aliases"]) == 100
    page = kms.list_aliases(Limit=1000)
    assert (len(page["Aliases"]), page["Truncated"]) == (100, True)
    assert len(kms.list_aliases(KeyId=key_id, Limit=7)["Aliases"]) == 7


@pytest.mark.feature("F01-43")
def test_list_resource_tags_pages_by_50_at_most(kms: Any) -> None:
    tags = [{"TagKey": f"k{n:02}", "TagValue": str(n)} for n in range(50)]
    key_id = kms.create_key(Tags=tags)["KeyMetadata"]["KeyId"]
    whole = kms.list_resource_tags(KeyId=key_id, Limit=1000)
    assert (whole["Tags"], whole["Truncated"]) == (tags, False)
    pages = [kms.list_resource_tags(KeyId=key_id, Limit=20)]
    while pages[-1]["Truncated"]:
        pages.append(kms.list_resource_tags(KeyId=key_id, Limit=20, Marker=pages[-1]["NextMarker"]))
    assert [len(page["Tags"]) for page in pages] == [20, 20, 10]
    assert [tag for page in pages for tag in page["Tags"]] == tags
