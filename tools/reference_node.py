"""Pages of docs/reference about rules and running: policies, quotas, settings, metrics, limits."""

import inspect
import re
from collections.abc import Iterable
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import msgspec

from regionkms.cli.node_command import node
from regionkms.config import ENVIRONMENT_PREFIX, NodeSettings, SettingsAsRead
from regionkms.model import limits
from regionkms.model.ids import RegionName
from regionkms.node import memory
from regionkms.node.memory import COUNTERS, GAUGES
from regionkms.node.operator import OperatorCommand
from regionkms.node.operator_commands import OPERATOR_COMMANDS
from regionkms.policy.condition_keys import CONDITION_KEYS, ConditionKey
from regionkms.policy.operators import OPERATORS
from regionkms.policy.permissions import PERMISSIONS, ResourceKind
from regionkms.ports.metrics import DURATION_BUCKETS, MetricsSnapshot, Outcome, RequestSeries
from regionkms.ports.quota_counter import QuotaUsage
from regionkms.quota.limit import Limit
from regionkms.quota.table import REQUEST_QUOTAS, RESOURCE_QUOTAS, RequestQuota
from regionkms.telemetry.prometheus import exposition
from regionkms.wire.http_limits import HttpLimits
from tools.markdown import (
    attributes_of,
    code,
    codes,
    first_line,
    page,
    table,
    without_sources,
    yes,
)

# --- policies -------------------------------------------------------------------------------------


def permissions_page() -> str:
    """Every permission, where it may be given and whether it crosses accounts."""
    rows = [
        (
            code(row.action),
            code(row.operation),
            row.resource.value,
            row.policy_type.value,
            row.cross_account.value,
        )
        for row in PERMISSIONS.values()
    ]
    return page(
        "Permissions",
        "Which action is checked on what. A *key policy* permission may be given in the key policy "
        "and, where the key policy gives it to the account, by the account. An *IAM policy* "
        "permission has no effect in a key policy; root users have all of them in their own "
        "account.",
        table(("action", "operation", "resource", "given in", "cross-account"), rows),
    )


def condition_keys_page() -> str:
    """Every condition key and operator, evaluated or failing closed."""
    rows = [
        (
            code(row.name + ("*name*" if row.takes_name else "")).replace("*name*`", "`*name*"),
            "evaluated" if row.supported else "fails closed",
            row.value_type.value,
            row.valued.value,
            row.usable.value,
            _checks(row),
        )
        for row in CONDITION_KEYS.values()
    ]
    operators = [
        (code(row.name), "evaluated" if row.compile is not None else "fails closed")
        for row in OPERATORS.values()
    ]
    return page(
        "Condition keys and operators",
        "What *fails closed* can't be evaluated in this release: an Allow statement with it never "
        "matches, a Deny statement with it matches whenever its other parts do, and the log names "
        "it when a call is refused. The same holds for condition keys that this table does not "
        "have, for policy variables and for `NotPrincipal`.",
        "## Condition keys",
        table(("condition key", "this release", "type", "values", "usable in", "present in"), rows),
        "## Condition operators",
        "With the suffix `IfExists` (not `Null`) and the prefixes `ForAnyValue:` and "
        "`ForAllValues:`.",
        table(("operator", "this release"), operators),
    )


def _checks(row: ConditionKey) -> str:
    if row.operations is None:
        return "every call"
    on_keys = {name for name in PERMISSIONS if name[1] is ResourceKind.KEY}
    most = on_keys - {("kms:RetireGrant", ResourceKind.KEY)}
    shown: list[str] = []
    left = set(row.operations)
    if left >= most:
        shown.append("every action on a key")
        left -= on_keys
    shown.extend(map(code, sorted({action for action, _ in left})))
    return ", ".join(shown)


# --- quotas ---------------------------------------------------------------------------------------


def quotas_page() -> str:
    """Every quota with its default."""
    requests = [
        (
            code(row.code),
            row.name,
            _rate(row.default),
            _by_region(row),
            row.owner.value,
            yes(row.adjustable),
            "AWS's table" if row.documented else "ours",
        )
        for row in REQUEST_QUOTAS.values()
    ]
    resources = [
        (code(row.code), row.name, f"{row.default:,}", yes(row.adjustable))
        for row in RESOURCE_QUOTAS.values()
    ]
    return page(
        "Quotas",
        "Request quotas are counted in fixed one-second windows (slower ones in longer windows) "
        "for each account and Region; over the limit a call answers `ThrottlingException`. Codes "
        "are what `regionkms quota set` and metrics use. *Ours* marks defaults of operations that "
        "AWS's table, as cited by the specification, does not have "
        "([ADR 0009](../adr/0009-quota-windows.md)).",
        "## Request quotas",
        table(
            ("code", "name", "default", "other Regions", "counted for", "adjustable", "source"),
            requests,
        ),
        "## Resource quotas\n\nOver the limit a call answers `LimitExceededException`.",
        table(("code", "name", "default", "adjustable"), resources),
    )


def _rate(limit: Limit) -> str:
    window = "second" if limit.window_s == 1 else f"{limit.window_s} seconds"
    burst = f", burst {limit.burst}" if limit.burst else ""
    return f"{limit.count:,} per {window}{burst}"


def _by_region(row: RequestQuota) -> str:
    groups: dict[int, list[str]] = {}
    for region, limit in row.by_region.items():
        groups.setdefault(limit.count, []).append(region)
    return "; ".join(f"{count:,}: {', '.join(names)}" for count, names in groups.items())


# --- settings -------------------------------------------------------------------------------------

_DERIVED_DEFAULTS = {
    "region": "required",
    "data_dir": "required",
    "root_key_file": "beside the data directory, its name and `.root-key`",
    "listen": "`127.0.0.1:8101`",
    "store_url": "SQLite, `store.db` in the data directory",
    "quotas": "`aws`",
}
_MEANING_OF_SEVERAL = {"listen": "Address and port of the API endpoint; workers share them."}
"""Settings that are read as one and checked as several."""


def settings_page() -> str:
    """Every setting of a node: its name, variable, option, default and meaning."""
    meanings = attributes_of(NodeSettings)
    options = inspect.signature(node).parameters
    rows = [
        (
            code(each.name),
            code(ENVIRONMENT_PREFIX + each.name.upper()),
            code("--" + each.name.replace("_", "-")) if each.name in options else "",
            _default(each.name),
            _MEANING_OF_SEVERAL.get(each.name) or meanings[each.name],
        )
        for each in fields(SettingsAsRead)
    ]
    return page(
        "Settings",
        "Settings of `regionkms node`. Later sources win: defaults, the TOML file that `--config` "
        "names, environment variables, options. Lists are TOML arrays, or texts joined by commas. "
        "An unknown name in the file is refused.",
        table(("setting (TOML)", "environment", "option", "default", "meaning"), rows),
    )


def _default(name: str) -> str:
    if name in _DERIVED_DEFAULTS:
        return _DERIVED_DEFAULTS[name]
    field = next(each for each in fields(NodeSettings) if each.name == name)
    if field.default is MISSING or field.default is None or field.default in ("", ()):
        return "none"
    return code(str(field.default).lower() if field.default is False else field.default)


# --- metrics --------------------------------------------------------------------------------------

_MEANINGS = {
    "request_duration_seconds": "Requests and how long they took in the worker, from the last byte "
    "read to the answer formed. `operation` is the operation, `GetCallerIdentity`, or "
    "`Unauthenticated` where no signature was accepted.",
    "quota_requests_total": "Requests counted against a request quota since the node started.",
    "http_connections_total": "Client connections accepted.",
    "http_requests_total": "Complete HTTP requests read.",
    "http_refused_total": "HTTP requests refused before any operation was looked up.",
    "audit_records_total": "Audit records written.",
    "restarts_total": "Children (workers, agent) that ended and were started again.",
    "looks_total": "Linearizable reads of records by the agent.",
    "cas_won_total": "Transactions on records that landed.",
    "cas_lost_total": "Transactions on records that another writer was ahead of.",
    "cas_unknown_total": "Transactions on records whose answer was lost.",
    "keys_loaded": "KMS keys in the memory of workers, added up.",
    "connections_open": "Client connections that are open.",
    "record_queue": "Multi-Region keys that wait for the agent to look at them.",
    "mirror_lag_ms": "Milliseconds since the agent's last complete pass over all records.",
    "stopped": "Reasons why the agent writes nothing to etcd (etcd restored or rolled back, a "
    "record not believed, a foreign store); 0 when all is well.",
}
"""What each family says; a family without an entry makes the generator fail, and so a test."""


def metrics_page() -> str:
    """Every family that /metrics can show, taken from an exposition."""
    silent = {f"regionkms_{name}" for name in _never_counted()}
    rows = [
        (
            code(name),
            kind,
            codes(labels),
            _MEANINGS[name.removeprefix("regionkms_")]
            + (" Always 0 in this release." if name.removesuffix("_total") in silent else ""),
        )
        for name, kind, labels in metric_families()
    ]
    return page(
        "Metrics",
        "`GET /metrics` of any worker shows the sums of the whole node in Prometheus' text format. "
        "No label names an account, a key or a client.",
        table(("metric", "type", "labels", "meaning"), rows),
        f"`outcome` is one of {codes(each.name.lower() for each in Outcome)}; `verdict` is "
        "`allowed` or `throttled`; `quota` is a code of [quotas](quotas.md).",
    )


def _never_counted() -> set[str]:
    """Metrics that are declared and that no other module names."""
    package = Path(inspect.getfile(memory)).parent.parent
    sources = "".join(
        path.read_text(encoding="utf-8")
        for path in package.rglob("*.py")
        if path != Path(inspect.getfile(memory))
    )
    return {name for name in (*COUNTERS, *GAUGES) if f'"{name}"' not in sources}


_SERIES = re.compile(r"^([a-z_]+?)(?:_bucket|_sum|_count)?\{([^}]*)\} ", re.MULTILINE)
_TYPE = re.compile(r"^# TYPE ([a-z_]+) ([a-z]+)$", re.MULTILINE)
_LABEL = re.compile(r'([a-z_]+)="')


def metric_families() -> list[tuple[str, str, list[str]]]:
    """Name, type and labels of every family, read from an exposition with one of each."""
    series = RequestSeries(
        operation="Encrypt",
        outcome=Outcome.SUCCESS,
        count=1,
        sum_ns=1,
        buckets=(1, *([0] * DURATION_BUCKETS)),
    )
    snapshot = MetricsSnapshot(
        requests=[series], counters=dict.fromkeys(COUNTERS, 0), gauges=dict.fromkeys(GAUGES, 0)
    )
    usage = QuotaUsage(code="CreateKey", admitted=1, throttled=1)
    text = exposition(RegionName("eu-west-1"), snapshot, [usage]).decode()
    labels: dict[str, list[str]] = {}
    for name, found in _SERIES.findall(text):
        known = labels.setdefault(name, [])
        known.extend(each for each in _LABEL.findall(found) if each not in {*known, "le"})
    return [(name, kind, labels[name]) for name, kind in _TYPE.findall(text)]


# --- limits ---------------------------------------------------------------------------------------


def limits_page() -> str:
    """Bounds on requests and on what clients may take from a worker."""
    return page(
        "Limits",
        "## Requests and resources",
        table(("limit", "value", "of"), _constants()),
        "## HTTP\n\nFor each worker. Everything that a stranger controls has a bound.",
        table(("limit", "value", "meaning"), _http_limits()),
    )


def _http_limits() -> Iterable[tuple[str, str, str]]:
    meanings = attributes_of(HttpLimits)
    values = HttpLimits()
    for each in fields(HttpLimits):
        yield code(each.name), f"{getattr(values, each.name):,}", meanings[each.name]


def _constants() -> Iterable[tuple[str, str, str]]:
    """Constants of model/limits.py with the docstring below them; several may share one."""
    source = Path(inspect.getfile(limits)).read_text(encoding="utf-8")
    waiting: list[str] = []
    for line in source.splitlines():
        if line.startswith(("MAX_", "MIN_", "DEFAULT_")):
            waiting.append(line.partition(":")[0])
        elif line.startswith('"""') and waiting:
            meaning = without_sources(line.strip('"'))
            yield from ((code(name), f"{getattr(limits, name):,}", meaning) for name in waiting)
            waiting = []


# --- operator commands ----------------------------------------------------------------------------


def operator_commands_page() -> str:
    """Every command that the operator socket takes."""
    rows = [
        (
            code(row.name),
            first_line(row.handler),
            _arguments(row) or "none",
            codes(row.audited) or "nothing",
            yes(row.read_only),
            yes(row.lab_only),
        )
        for row in OPERATOR_COMMANDS
    ]
    return page(
        "Operator commands",
        "What the Unix socket `operator.sock` in the data directory takes (mode 0600; other users "
        "than its owner and root are refused by what the kernel says of them). One JSON line asks: "
        '`{"command": ..., "arguments": {...}}`; one answers: `{"result": ...}` or '
        '`{"error": "a sentence that tells the fix"}`. The command line '
        "(`regionkms ...`) is its client. Every command is recorded in the agent's audit chain, "
        "with the user and process that asked.",
        table(("command", "what it does", "arguments", "recorded", "read-only", "labs only"), rows),
    )


def _arguments(row: OperatorCommand) -> str:
    hints = get_type_hints(row.arguments)
    return ", ".join(
        f"{code(each.name)} ({_type_name(hints[each.name])}{'' if each.required else ', optional'})"
        for each in msgspec.structs.fields(row.arguments)
    )


def _type_name(hint: Any) -> str:
    if get_origin(hint) is None:
        return str(getattr(hint, "__name__", hint))
    inner = [each for each in get_args(hint) if each is not type(None)]
    origin = get_origin(hint)
    name = origin.__name__ if origin in {list, dict} else ""
    return " ".join((name, ", ".join(_type_name(each) for each in inner))).strip()
