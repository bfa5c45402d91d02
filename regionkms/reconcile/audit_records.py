"""Audit records that the agent writes about API calls, from what their proposal or intent keeps.

The call itself came to a worker, here or in the primary's Region; who asked, and how, travels in
the proposal's request context. Source: spec 02 §3.8.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from regionkms.audit.record import CallFacts
from regionkms.model import shapes
from regionkms.model.errors import AuditUnavailable
from regionkms.model.ids import key_arn
from regionkms.model.key import Intent, KmsKey
from regionkms.model.proposal import Proposal
from regionkms.model.record import Record
from regionkms.model.replicate_request import (
    ACCESS_KEY_ID,
    EVENT_TIME,
    KEY_ID,
    REQUEST_ID,
    proposal_of,
)
from regionkms.model.shapes import enums
from regionkms.policy.principal import Principal
from regionkms.ports.audit_sink import AuditSink
from regionkms.ports.operation import Operation
from regionkms.ports.store import OutboxRecord
from regionkms.reconcile.answers import caller_principal
from regionkms.reconcile.ports import AgentPorts

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaCaller:
    """Who asked for a replica, as its audit record shows it."""

    principal: Principal
    access_key_id: str


def replica_record(
    ports: AgentPorts, row: KmsKey, proposal: Proposal, record: Record
) -> list[OutboxRecord]:
    """Records of CreateKey in the replica's Region, for its transaction."""
    tags = [shapes.Tag(tag_key=one.tag_key, tag_value=one.tag_value) for one in proposal.tags]
    request = shapes.CreateKeyRequest(
        policy=proposal.policy or None,
        description=proposal.description,
        key_spec=enums.KeySpec(row.key_spec.value),
        key_usage=enums.KeyUsageType(row.key_usage.value),
        origin=enums.OriginType(row.origin.value),
        tags=tags or None,
        bypass_policy_lockout_safety_check=proposal.bypass_policy_lockout_safety_check,
        multi_region=True,
    )
    response = ports.audit.response(row, record)
    facts = _facts(
        ports,
        proposal,
        ports.audit.operation,
        event_time=ports.clock.now(),
        request=request,
        response=response,
    )
    return ports.audit.recorder.outbox_records(facts)


def replicate_records(
    ports: AgentPorts, intent: Intent, key: KmsKey | None, mirror: Record | None
) -> list[OutboxRecord]:
    """Records of a ReplicateKey call that succeeded, as its worker would have written them.

    Args:
        ports: Of the primary's Region.
        intent: Of the call, DONE.
        key: The primary key as it is now; None if it is gone, then there is no response to show.
        mirror: The key's record as this Region knows it.
    """
    proposal = proposal_of(intent)
    event_time = float(_context(proposal, EVENT_TIME) or intent.created_at)
    request = shapes.ReplicateKeyRequest(
        key_id=_context(proposal, KEY_ID) or intent.key_id,
        replica_region=proposal.region,
        bypass_policy_lockout_safety_check=proposal.bypass_policy_lockout_safety_check,
        description=proposal.description,
    )
    response = None
    if key is not None:
        response = ports.audit.replicated(key, mirror, proposal, event_time)
    facts = _facts(
        ports,
        proposal,
        ports.audit.replicate,
        event_time=event_time,
        request=request,
        response=response,
    )
    return ports.audit.recorder.outbox_records(facts)


async def seal(sink: AuditSink, records: Sequence[OutboxRecord]) -> None:
    """Chain records of a committed change; if that fails they wait in outbox and memory."""
    if not records:
        return
    try:
        await sink.seal(records)
    except AuditUnavailable as error:
        _log.error("audit records of a change wait in the outbox: %s", error)


def _facts(
    ports: AgentPorts,
    proposal: Proposal,
    operation: Operation,
    *,
    event_time: float,
    request: shapes.CreateKeyRequest | shapes.ReplicateKeyRequest,
    response: shapes.CreateKeyResponse | shapes.ReplicateKeyResponse | None,
) -> CallFacts:
    """A call about the proposal's key in this Region that succeeded."""
    arn = key_arn(ports.region, proposal.account_id, proposal.key_id)
    return CallFacts(
        operation=operation,
        caller=ReplicaCaller(
            principal=caller_principal(proposal, ports.region),
            access_key_id=_context(proposal, ACCESS_KEY_ID),
        ),
        event_time=event_time,
        region_name=ports.region,
        source_ip=_context(proposal, "aws:SourceIp"),
        user_agent=_context(proposal, "aws:UserAgent"),
        request=request,
        response=response,
        error=None,
        resources=((proposal.account_id, arn),),
        key_arn=arn,
        request_id=_context(proposal, REQUEST_ID),
        additional={},
    )


def _context(proposal: Proposal, name: str) -> str:
    values = proposal.request_context.get(name)
    return values[0] if values else ""
