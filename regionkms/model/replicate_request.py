"""What a ReplicateKey call asks for, as its intent carries it from worker to agent (JSON).

The worker has validated it; the agent makes the proposal of it. Equal calls give equal text, so a
repeated call is known by it. Source: protocol R3, §4; spec 05 §3.7.
"""

import json
from dataclasses import replace
from typing import Final

from regionkms.model.ids import AccountId, RegionName
from regionkms.model.key import Intent, Tag
from regionkms.model.proposal import Proposal

REPLICATE_KEY: Final = "ReplicateKey"
"""`Intent.kind` of the call."""
EVENT_TIME: Final = "eventTime"
"""In `request_context`: KMS time of the call, in seconds since 1970."""
KEY_ID: Final = "keyId"
"""In `request_context`: KeyId as it was sent."""
REQUEST_ID: Final = "requestId"
"""In `request_context`."""
ACCESS_KEY_ID: Final = "accessKeyId"
"""In `request_context`: the credentials that signed."""
_CALLER: Final = ("caller_arn", "caller_account_id", "request_context")
"""Members that tell two calls apart that ask for the same."""


def encode_replicate_request(proposal: Proposal) -> str:
    """The text of an intent; `life` is not known yet and left out."""
    return json.dumps(
        {
            "replica_region": proposal.region,
            "policy": proposal.policy,
            "bypass_policy_lockout_safety_check": proposal.bypass_policy_lockout_safety_check,
            "description": proposal.description,
            "tags": [[tag.tag_key, tag.tag_value] for tag in proposal.tags],
            "caller_arn": proposal.caller_arn,
            "caller_account_id": proposal.caller_account_id,
            "request_context": {
                name: list(values) for name, values in sorted(proposal.request_context.items())
            },
        }
    )


def proposal_of(intent: Intent, *, life: int = 0) -> Proposal:
    """The proposal that an intent asks for, for a life of its target."""
    asked = json.loads(intent.request)
    return Proposal(
        account_id=intent.account_id,
        key_id=intent.key_id,
        region=RegionName(asked["replica_region"]),
        life=life,
        policy=asked["policy"],
        bypass_policy_lockout_safety_check=asked["bypass_policy_lockout_safety_check"],
        description=asked["description"],
        tags=tuple(Tag(tag_key=key, tag_value=value) for key, value in asked["tags"]),
        caller_arn=asked["caller_arn"],
        caller_account_id=AccountId(asked["caller_account_id"]),
        request_context={name: tuple(values) for name, values in asked["request_context"].items()},
    )


def asks_the_same(intent: Intent, proposal: Proposal) -> bool:
    """Whether a call may join an open intent: it asks for the same, whoever and whenever (§4)."""
    if intent.kind != REPLICATE_KEY:
        return False
    other = proposal_of(intent, life=proposal.life)
    return replace(other, **{name: getattr(proposal, name) for name in _CALLER}) == proposal
