"""Operator commands about quotas: what is in force, and changing it (spec 07 §4)."""

from typing import Final

import msgspec

from regionkms.model.errors import ConfigurationError
from regionkms.model.ids import AccountId
from regionkms.node.live_quotas import setting_name
from regionkms.node.operator import OperatorCall, OperatorCommand
from regionkms.node.operator_accounts import AccountIdText
from regionkms.quota.table import REQUEST_QUOTAS, RESOURCE_QUOTAS


class ListQuotas(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Arguments of `quota list`; without an account those of the Region."""

    account_id: AccountIdText | None = None


class SetQuota(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Arguments of `quota set`: requests a second, or a count."""

    code: str
    value: float
    account_id: AccountIdText | None = None


async def list_quotas(call: OperatorCall) -> object:
    """Every quota with its default here and what is in force."""
    ports = call.ports
    await ports.quotas.load()
    settings = ports.quotas.current
    account_id = None if call.arguments.account_id is None else AccountId(call.arguments.account_id)
    rows: list[dict[str, object]] = []
    for request in REQUEST_QUOTAS.values():
        limit = settings.request_limit(ports.region, request, account_id)
        rows.append(
            {
                "code": request.code,
                "name": request.name,
                "unit": "requests a second",
                "default": request.default_in(ports.region).per_second,
                "in_force": None if limit is None else limit.per_second,
                "adjustable": request.adjustable,
            }
        )
    rows.extend(
        {
            "code": resource.code,
            "name": resource.name,
            "unit": "count",
            "default": resource.default,
            "in_force": settings.resource_limit(resource, account_id),
            "adjustable": resource.adjustable,
        }
        for resource in RESOURCE_QUOTAS.values()
    )
    return rows


async def set_quota(call: OperatorCall) -> object:
    """Change a quota of the Region, or of one account, in every process at once."""
    arguments: SetQuota = call.arguments
    ports = call.ports
    account_id = None if arguments.account_id is None else AccountId(arguments.account_id)
    await ports.quotas.load()
    try:
        ports.quotas.current.with_override(arguments.code, arguments.value, account_id=account_id)
    except ConfigurationError as error:
        raise ConfigurationError(f"{error}; `regionkms quota list` shows them all") from error
    name = setting_name(account_id, arguments.code)
    await call.commit(lambda tx: tx.settings.put(name, repr(arguments.value)))
    await ports.quotas.load()
    return {"code": arguments.code, "value": arguments.value, "account_id": arguments.account_id}


COMMANDS: Final = (
    OperatorCommand(
        name="quota list",
        handler=list_quotas,
        arguments=ListQuotas,
        audited=("account_id",),
        read_only=True,
    ),
    OperatorCommand(
        name="quota set",
        handler=set_quota,
        arguments=SetQuota,
        audited=("code", "value", "account_id"),
    ),
)
"""Rows of this family."""
