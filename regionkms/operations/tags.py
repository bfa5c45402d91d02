"""TagResource, UntagResource, ListResourceTags.

Tags are per key and Region, never synchronised between related keys (spec 05 §3.4).
Source: spec 01 §11.
"""

from typing import Final

from regionkms.model import shapes
from regionkms.model.errors import LimitExceededException, TagException, ValidationException
from regionkms.model.limits import MAX_TAGS
from regionkms.operations.call import Call
from regionkms.operations.key_creation import check_text, checked_tags
from regionkms.operations.paging import cut, decode_marker
from regionkms.ports.operation import Audited, Operation, Plane, Resource
from regionkms.ports.store import StoreTransaction

_LIST_DEFAULT: Final = 50
"""Also the most of a page: a greater Limit gets this many (spec 01 T9)."""


async def tag_resource(call: Call) -> None:
    """Add tags, or replace the values of tag keys that exist."""
    request: shapes.TagResourceRequest = call.request
    tags = checked_tags(request.tags)
    if not tags:
        raise ValidationException("Tags must name at least one tag.")

    def work(tx: StoreTransaction) -> None:
        key = call.recheck(tx)
        present = {tag.tag_key for tag in tx.tags.of_key(key.account_id, key.key_id)}
        total = len(present | {tag.tag_key for tag in tags})
        if total > MAX_TAGS:
            raise LimitExceededException(
                f"A KMS key has at most {MAX_TAGS} tags; this request would make {total}."
            )
        tx.tags.put(key.account_id, key.key_id, tags)

    await call.commit(work)


async def untag_resource(call: Call) -> None:
    """Remove tags by key; a tag key that is not there is no error."""
    request: shapes.UntagResourceRequest = call.request
    tag_keys = request.tag_keys
    if not tag_keys:
        raise ValidationException("TagKeys must name at least one tag key.")
    check_text(*tag_keys)
    if len(set(tag_keys)) != len(tag_keys):
        raise TagException("Duplicate tag keys")

    def work(tx: StoreTransaction) -> None:
        key = call.recheck(tx)
        tx.tags.delete(key.account_id, key.key_id, tag_keys)

    await call.commit(work)


async def list_resource_tags(call: Call) -> shapes.ListResourceTagsResponse:
    """List a key's tags, as the store has them now."""
    request: shapes.ListResourceTagsRequest = call.request
    key = call.key.key
    after = "" if request.marker is None else decode_marker(request.marker)
    tags = await call.region.store.read(lambda tx: tx.tags.of_key(key.account_id, key.key_id))
    page = cut(
        [tag for tag in tags if tag.tag_key > after],
        limit=min(request.limit or _LIST_DEFAULT, _LIST_DEFAULT),
        name=lambda tag: tag.tag_key,
    )
    return shapes.ListResourceTagsResponse(
        tags=[shapes.Tag(tag_key=tag.tag_key, tag_value=tag.tag_value) for tag in page.rows],
        truncated=page.truncated,
        next_marker=page.next_marker,
    )


OPERATIONS: Final = (
    Operation(
        name="TagResource",
        handler=tag_resource,
        plane=Plane.CONTROL,
        resource=Resource.KEY,
        permission="kms:TagResource",
        read_only=False,
        audited=Audited(request=("KeyId", "Tags"), key_arn=True),
    ),
    Operation(
        name="UntagResource",
        handler=untag_resource,
        plane=Plane.CONTROL,
        resource=Resource.KEY,
        permission="kms:UntagResource",
        read_only=False,
        audited=Audited(request=("KeyId", "TagKeys"), key_arn=True),
    ),
    Operation(
        name="ListResourceTags",
        handler=list_resource_tags,
        plane=Plane.CONTROL,
        resource=Resource.KEY,
        permission="kms:ListResourceTags",
        read_only=True,
        audited=Audited(request=("KeyId", "Limit", "Marker")),
    ),
)
"""Rows of this family."""
