"""Tags (spec 01 §11): the model, the table of §11.2, and what a tag is not."""

from typing import Any, Final

import pytest

from tests.contract.calls import Scene
from tests.support.node import RunningNode, refused

LONG: Final = "1 validation error detected: Value '{}' at '{}' failed to satisfy constraint: {}"


def tags_of(client: Any, key_id: str) -> dict[str, str]:
    answer = client.list_resource_tags(KeyId=key_id)
    assert answer["Truncated"] is False
    return {tag["TagKey"]: tag["TagValue"] for tag in answer["Tags"]}


def as_list(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"TagKey": name, "TagValue": value} for name, value in tags.items()]


@pytest.mark.feature("F01-42", "F01-43")
def test_tags_are_added_replaced_and_removed_by_key(kms: Any, key: dict[str, Any]) -> None:
    key_id = key["KeyId"]
    answer = kms.tag_resource(
        KeyId=key_id, Tags=as_list({"Purpose": "Pretest", "Department": "Finance"})
    )
    assert set(answer) == {"ResponseMetadata"}
    kms.tag_resource(KeyId=key_id, Tags=as_list({"Purpose": "Test", "empty": ""}))
    assert tags_of(kms, key_id) == {"Purpose": "Test", "Department": "Finance", "empty": ""}
    assert set(kms.untag_resource(KeyId=key_id, TagKeys=["Purpose"])) == {"ResponseMetadata"}
    assert tags_of(kms, key_id) == {"Department": "Finance", "empty": ""}
    kms.untag_resource(KeyId=key_id, TagKeys=["absent", "Department"])
    assert tags_of(kms, key_id) == {"empty": ""}


@pytest.mark.feature("F01-42")
def test_keys_and_values_are_case_sensitive(kms: Any, key: dict[str, Any]) -> None:
    tags = {"a": "x", "A": "X"}
    kms.tag_resource(KeyId=key["KeyId"], Tags=as_list(tags))
    assert tags_of(kms, key["KeyId"]) == tags
    kms.untag_resource(KeyId=key["KeyId"], TagKeys=["a"])
    assert tags_of(kms, key["KeyId"]) == {"A": "X"}


def test_the_longest_tag_is_taken(kms: Any, key: dict[str, Any]) -> None:
    tags = {"k" * 128: "v" * 256, "é" * 128: "☂" * 256}
    kms.tag_resource(KeyId=key["KeyId"], Tags=as_list(tags))
    assert tags_of(kms, key["KeyId"]) == tags


REFUSALS: Final = [
    ("none", [], "ValidationException", "Tags must name at least one tag."),
    (
        "a key twice",
        [{"TagKey": "a", "TagValue": "1"}, {"TagKey": "a", "TagValue": "1"}],
        "TagException",
        "Duplicate tag keys",
    ),
    (
        "51 at once",
        as_list({f"k{n}": "" for n in range(51)}),
        "TagException",
        "Too many tags",
    ),
    (
        "reserved",
        as_list({"good": "", "aws:bad": ""}),
        "TagException",
        "Tags beginning with aws: are reserved",
    ),
    (
        "reserved in other case",
        as_list({"AwS:bad": ""}),
        "TagException",
        "Tags beginning with aws: are reserved",
    ),
    (
        "key too long",
        as_list({"good": "", "k" * 129: ""}),
        "ValidationException",
        LONG.format(
            "k" * 129, "tags.2.member.tagKey", "Member must have length less than or equal to 128"
        ),
    ),
    (
        "value too long",
        as_list({"a": "v" * 257}),
        "ValidationException",
        LONG.format(
            "v" * 256 + "...",
            "tags.1.member.tagValue",
            "Member must have length less than or equal to 256",
        ),
    ),
    (
        "empty key",
        as_list({"": "x"}),
        "ValidationException",
        LONG.format(
            "", "tags.1.member.tagKey", "Member must have length greater than or equal to 1"
        ),
    ),
    (
        "U+0000",
        as_list({"a\0": ""}),
        "ValidationException",
        "Descriptions and tags must not contain the character U+0000.",
    ),
]


@pytest.mark.feature("F01-42", "F01-43")
@pytest.mark.parametrize(
    ("tags", "code", "message"), [pytest.param(*rest, id=name) for name, *rest in REFUSALS]
)
def test_a_refused_tag_changes_nothing(
    unchecked: Any, tags: list[dict[str, str]], code: str, message: str
) -> None:
    scene = Scene(unchecked)
    before = scene.snapshot()
    with refused(code, message):
        unchecked.tag_resource(KeyId=scene.key_id, Tags=tags)
    assert scene.snapshot() == before


@pytest.mark.feature("F01-42")
def test_a_key_has_at_most_50_tags_in_all(kms: Any, key: dict[str, Any]) -> None:
    key_id = key["KeyId"]
    tags = {f"k{n:02}": "x" for n in range(50)}
    kms.tag_resource(KeyId=key_id, Tags=as_list(tags))
    kms.tag_resource(KeyId=key_id, Tags=as_list({"k00": "replaced"}))
    with refused(
        "LimitExceededException", "A KMS key has at most 50 tags; this request would make 51."
    ):
        kms.tag_resource(KeyId=key_id, Tags=as_list({"one more": "", "k01": "not replaced"}))
    assert tags_of(kms, key_id) == tags | {"k00": "replaced"}


@pytest.mark.parametrize(
    ("tag_keys", "code", "message"),
    [
        ([], "ValidationException", "TagKeys must name at least one tag key."),
        (["Project", "Project"], "TagException", "Duplicate tag keys"),
        (["Project", "a\0"], "ValidationException", "Descriptions and tags must not contain"),
        (["k" * 129], "ValidationException", "1 validation error detected: Value '[kkk"),
    ],
    ids=["none", "twice", "U+0000", "too long"],
)
def test_a_refused_untagging_changes_nothing(
    unchecked: Any, tag_keys: list[str], code: str, message: str
) -> None:
    scene = Scene(unchecked)
    with refused(code) as facts:
        unchecked.untag_resource(KeyId=scene.key_id, TagKeys=tag_keys)
    assert facts["Error"]["Message"].startswith(message)
    assert tags_of(unchecked, scene.key_id) == {"Project": "Alpha"}


@pytest.mark.feature("F01-43")
def test_tags_at_creation_are_there(kms: Any) -> None:
    tags = {f"k{n:02}": str(n) for n in range(50)}
    key = kms.create_key(Tags=as_list(tags))["KeyMetadata"]
    assert "Tags" not in key
    assert tags_of(kms, key["KeyId"]) == tags


def test_a_null_tag_value_is_no_value(node: RunningNode, key: dict[str, Any]) -> None:
    answer = node.call(
        "TagResource", {"KeyId": key["KeyId"], "Tags": [{"TagKey": "a", "TagValue": None}]}
    )
    assert (answer.status, answer.code) == (400, "ValidationException")
    assert "'tags.1.member.tagValue'" in answer.message
