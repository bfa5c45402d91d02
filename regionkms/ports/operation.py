"""The declaration of an API operation: everything that varies by operation is in its row.

Dispatch, authorization, quota, states, audit and documentation read this row; adding an operation
adds one row and one handler. The shapes of request and response are those of model/shapes under
the same name; permissions, cross-account use and condition keys are the rows of
policy/permissions.py; quotas those of quota/table.py; states those of model/key_state.py.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Plane(StrEnum):
    """DATA handlers are plain functions that touch memory only; CONTROL ones are coroutines."""

    DATA = "data"
    CONTROL = "control"


class Resource(StrEnum):
    """What the operation's key member may be (spec 01 §5, I3)."""

    KEY = "key id or key ARN"
    KEY_OR_ALIAS = "key id, key ARN, alias name or alias ARN"
    CIPHERTEXT = "the key named by the request, else the one that the ciphertext names"
    NONE = "no particular key"
    COMPOSITE = "several resources; the handler resolves and authorizes each"


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """What of a call is written to the audit log; a member that nobody listed never is.

    Attributes:
        request: Wire names of request members, in the order shown.
        defaults: Wire names of request members and the value shown when they were not sent.
        response: Wire names of response members shown when the call succeeded.
        key_arn: Whether `responseElements.keyId` is the ARN of the affected key (spec 02 §3.5).
    """

    request: tuple[str, ...] = ()
    defaults: Mapping[str, object] = field(default_factory=dict)
    response: tuple[str, ...] = ()
    key_arn: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation of the API.

    Attributes:
        name: The wire name, as in `TrentService.<name>`.
        handler: DATA: `(call) -> response struct`; CONTROL: `async (call) -> response or None`.
        permission: The action checked on the key (or on no resource); empty for COMPOSITE.
        key_member: Attribute of the request that names the key.
        checks_state: Whether the pipeline consults the state table; COMPOSITE handlers do it.
        read_only: As the audit record says (spec 02 §3.4).
        dry_run: Whether the request has a DryRun member.
    """

    name: str
    handler: Callable[..., Any]
    plane: Plane
    resource: Resource
    permission: str
    audited: Audited
    read_only: bool
    key_member: str = "key_id"
    checks_state: bool = True
    dry_run: bool = False
