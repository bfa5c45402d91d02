"""Pages of docs/reference about the API: operations, errors, key specs and states, audit."""

from typing import TypeVar

from regionkms.model.errors import Fault, KmsError
from regionkms.model.ids import KeyArn
from regionkms.model.key_spec import KEY_SPECS, Origin
from regionkms.model.key_state import STATE_TABLE, KeyState, refusal
from regionkms.model.shapes import OPERATIONS as SHAPES
from regionkms.operations import OPERATIONS
from regionkms.ports.operation import Operation
from regionkms.quota.charging import (
    CRYPTOGRAPHIC_OPERATIONS,
    DATA_KEY_PAIR_OPERATIONS,
    HOT_KEY_OPERATIONS,
    quota_for,
)
from regionkms.wire.errors import answer_json, query_code, query_status
from tools.markdown import code, codes, first_line, page, table, yes

E = TypeVar("E", bound=Exception)


def errors_below(root: type[E]) -> list[type[E]]:
    """The errors that a callers' or operators' root has in model/errors.py, in its order."""
    return [each for each in root.__subclasses__() if each.__module__ == root.__module__]


def quota_of(operation: str) -> str:
    """What a call is charged to, in words."""
    if operation in CRYPTOGRAPHIC_OPERATIONS:
        return "shared, by key spec"
    if operation in DATA_KEY_PAIR_OPERATIONS:
        return "by key pair spec"
    return codes(quota.code for quota in quota_for(operation))


def operations_page() -> str:
    """Every operation that is offered, with what its row says."""
    rows = [
        (
            code(row.name),
            row.plane.value,
            row.resource.value,
            code(row.permission),
            quota_of(row.name) + (", hot key" if row.name in HOT_KEY_OPERATIONS else ""),
            yes(row.dry_run),
            yes(row.read_only),
        )
        for row in sorted(OPERATIONS.values(), key=lambda row: row.name)
    ]
    return page(
        "Operations",
        f"The {len(rows)} operations of the KMS API that this release offers. The "
        f"{len(SHAPES) - len(rows)} others are listed in [parity](../parity.md); they answer "
        "`UnknownOperationException`.",
        "*Data* operations are answered from a worker's memory, *control* operations read or write "
        "the regional store. *Quota* is the request quota that the caller's account is charged to "
        "([quotas](quotas.md)).",
        table(
            ("operation", "plane", "names", "permission", "quota", "DryRun", "readOnly"),
            rows,
        ),
        "The same endpoint answers `GetCallerIdentity` of STS in the Query protocol, and, without "
        "a signature, `GET /healthz`, `/readyz` and `/metrics`.",
    )


def operations_block() -> str:
    """The generated part of parity.md: every operation of the API model, offered or not."""
    rows = []
    for name in sorted(SHAPES):
        row = OPERATIONS.get(name)
        rows.append((code(name), "**offered**" if row else "not offered", _plane(row)))
    offered = sum(name in OPERATIONS for name in SHAPES)
    return f"{offered} of the {len(SHAPES)} operations of the API model are offered.\n\n" + table(
        ("operation", "this release", "plane"), rows
    )


def _plane(row: Operation | None) -> str:
    return row.plane.value if row else ""


def errors_page() -> str:
    """Every error that a caller can see, and every fault that the log names."""
    errors = []
    for each in errors_below(KmsError):
        shown: KmsError = each("x")
        retry = "yes" if shown.fault == "server" or each.__name__ == "ThrottlingException" else "no"
        errors.append(
            (
                code(each.__name__),
                answer_json(shown).status,
                retry,
                first_line(each),
                f"{code(query_code(shown))} {query_status(shown)}",
            )
        )
    faults = [(code(each.__name__), first_line(each)) for each in errors_below(Fault)]
    return page(
        "Errors",
        "What clients see. The name is `__type` of the answer (JSON 1.1); the last column is code "
        "and status in the Query protocol (STS). Every answer of an operation carries "
        "`x-amzn-RequestId`, which the audit record and the log repeat.",
        table(("error", "HTTP", "retry", "meaning", "Query protocol"), errors),
        "## Faults\n\nFailures of the service itself. A caller sees `KMSInternalException` or "
        "`DependencyTimeoutException` with the request id; commands print their sentence; the log "
        "names the fault.",
        table(("fault", "meaning"), faults),
    )


def key_specs_page() -> str:
    """Every key spec that the tables know."""
    rows = [
        (
            code(spec.value),
            yes(row.offered),
            row.key_type.value,
            codes(usage.value for usage in row.algorithms),
            codes(name for names in row.algorithms.values() for name in names),
            row.bucket.value,
        )
        for spec, row in KEY_SPECS.items()
    ]
    return page(
        "Key specs",
        "A spec that is not offered is refused by CreateKey with `UnsupportedOperationException`. "
        "The specs of the API model that are not in this table are refused in the same way.",
        table(("key spec", "offered", "type", "usage", "algorithms", "quota"), rows),
    )


_COLUMNS = (
    KeyState.ENABLED,
    KeyState.DISABLED,
    KeyState.PENDING_DELETION,
    KeyState.PENDING_IMPORT,
    KeyState.UNAVAILABLE,
    KeyState.CREATING,
    KeyState.UPDATING,
)
_ARN = KeyArn("*key ARN*")
_Answers = tuple[str, str]
"""What keys with material of KMS answer, and what keys with imported material answer."""


def _answers(operation: str, state: KeyState) -> _Answers:
    def answer(origin: Origin) -> str:
        error = refusal(operation, state, origin, _ARN)
        return "succeeds" if error is None else f"{code(error.code)}: {error.message}"

    return answer(Origin.AWS_KMS), answer(Origin.EXTERNAL)


def _marks() -> dict[_Answers, str]:
    """A letter for each pair of answers, in the order in which the table meets them."""
    met = dict.fromkeys(
        _answers(operation, state) for operation in STATE_TABLE for state in _COLUMNS
    )
    del met["succeeds", "succeeds"]
    letters = {answers: chr(ord("a") + at) for at, answers in enumerate(met)}
    return {("succeeds", "succeeds"): "yes"} | letters


def key_states_page() -> str:
    """The key-state table with what its cells answer."""
    marks = _marks()
    rows = [
        (
            code(operation),
            yes(operation in OPERATIONS),
            *(marks[_answers(operation, state)] for state in _COLUMNS),
        )
        for operation in STATE_TABLE
    ]
    legend = [(mark, *answers) for answers, mark in marks.items() if mark != "yes"]
    headers = ["operation", "offered", *(state.value for state in _COLUMNS)]
    headers[headers.index(KeyState.PENDING_DELETION.value)] = "Pending(Replica)Deletion"
    return page(
        "Key states",
        "What each operation meets in each key state. `yes` means that the state does not stand in "
        "the way; a letter is explained below. Rows of operations that are not offered are here "
        "because their cells are decided.",
        table(headers, rows),
        "## What a letter answers",
        table(
            ("", "keys whose material KMS made", "keys with imported material"),
            legend,
        ),
        "A state is never stored. It follows from facts, the first that holds: deletion is "
        "scheduled (PendingDeletion, or PendingReplicaDeletion of a primary that waits for its "
        "replicas), a replica is being made (Creating), the primary is changing (Updating), the "
        "material is not usable here (Unavailable), imported material is missing (PendingImport), "
        "disabled (Disabled); else Enabled.",
    )


def audit_page() -> str:
    """What of each operation stands in its audit record."""
    rows = [
        (
            code(row.name),
            codes(row.audited.request) or "nothing",
            ", ".join(f"`{name}` = {value!r}" for name, value in row.audited.defaults.items()),
            codes(row.audited.response)
            or ("`keyId` (ARN of the key)" if row.audited.key_arn else "nothing"),
        )
        for row in sorted(OPERATIONS.values(), key=lambda row: row.name)
    ]
    return page(
        "Audit records by operation",
        "The allow-lists. A member that is not listed is never written, and bytes or members that "
        "the API model calls sensitive are not written even if they were listed. Members are shown "
        "with a small first letter (`keyId`). *Response* members are shown when the call "
        "succeeded.",
        table(("operation", "request members", "shown when not sent", "response"), rows),
    )
