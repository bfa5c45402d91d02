"""What is in force: defaults of the table, changed by the Region's mode and by overrides. Pure.

The mode is for labs and tests and speaks of request quotas alone; resource quotas change by
overrides only, so that their refusals can be tried while no request is throttled.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from regionkms.model.errors import ConfigurationError
from regionkms.model.ids import AccountId, RegionName
from regionkms.quota.limit import Limit, limit_of_rate
from regionkms.quota.table import (
    REQUEST_QUOTAS,
    RESOURCE_QUOTAS,
    QuotaOwner,
    RequestQuota,
    ResourceQuota,
)

_SCALE: Final = re.compile(r"x([0-9]{1,6}(?:\.[0-9]{1,6})?)")

Override = tuple[AccountId | None, str]
"""An account, or None for all of the Region's, and the code of a quota."""


class QuotaMode(StrEnum):
    """Whether request quotas hold."""

    AWS = "aws"
    """The documented defaults."""
    OFF = "off"
    """No request is throttled."""
    SCALED = "scaled"
    """The defaults times a factor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaSettings:
    """Quotas of one Region, checked.

    Attributes:
        mode: Of request quotas.
        scale: Factor of the defaults in mode SCALED; overrides are not scaled.
        overrides: Request quotas in requests a second, resource quotas as counts. An override of
            an account goes before one of the Region.
    """

    mode: QuotaMode = QuotaMode.AWS
    scale: float = 1.0
    overrides: Mapping[Override, float] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        if not (math.isfinite(self.scale) and self.scale > 0):
            raise ConfigurationError(f"the scale of quotas is a positive number, not {self.scale}")
        for (account_id, code), value in self.overrides.items():
            _check_override(account_id, code, value)

    def request_limit(
        self, region: RegionName, quota: RequestQuota, account_id: AccountId | None = None
    ) -> Limit | None:
        """The limit in force for an account in a Region; None: not limited."""
        if self.mode is QuotaMode.OFF:
            return None
        override = self._override(quota.code, account_id)
        default = quota.default_in(region)
        if override is None:
            return default if self.mode is QuotaMode.AWS else default.times(self.scale)
        if default.burst:
            return default.times(override / default.per_second)
        return limit_of_rate(override)

    def resource_limit(self, quota: ResourceQuota, account_id: AccountId | None = None) -> int:
        """The resource quota in force for an account."""
        override = self._override(quota.code, account_id)
        return quota.default if override is None else int(override)

    def with_override(
        self, code: str, value: float, *, account_id: AccountId | None = None
    ) -> "QuotaSettings":
        """The settings with one quota changed.

        Args:
            code: Of a request or resource quota.
            value: Requests a second, or a count.
            account_id: None: for every account of the Region without an override of its own.

        Raises:
            ConfigurationError: No such quota, not adjustable, or not a value for it.
        """
        changed = MappingProxyType({**self.overrides, (account_id, code): value})
        return replace(self, overrides=changed)

    def _override(self, code: str, account_id: AccountId | None) -> float | None:
        if not self.overrides:
            return None
        own = self.overrides.get((account_id, code))
        return self.overrides.get((None, code)) if own is None else own


def parse_quota_mode(text: str) -> QuotaSettings:
    """Read the setting `quotas`: `aws`, `off`, or `x` and a factor such as `x10` or `x0.5`.

    Raises:
        ConfigurationError: The text is none of these.
    """
    match text:
        case "aws":
            return QuotaSettings()
        case "off":
            return QuotaSettings(mode=QuotaMode.OFF)
        case _:
            scale = _SCALE.fullmatch(text)
            if scale is None:
                raise ConfigurationError(f"quotas are 'aws', 'off' or 'xN', not {text[:32]!r}")
            return QuotaSettings(mode=QuotaMode.SCALED, scale=float(scale[1]))


def _check_override(account_id: AccountId | None, code: str, value: float) -> None:
    quota = REQUEST_QUOTAS.get(code) or RESOURCE_QUOTAS.get(code)
    if quota is None:
        raise ConfigurationError(f"there is no quota {code[:64]!r}")
    if not quota.adjustable:
        raise ConfigurationError(f"{quota.name} is not adjustable")
    if isinstance(quota, ResourceQuota):
        if not (math.isfinite(value) and value >= 0 and value == int(value)):
            raise ConfigurationError(f"{quota.name} is a whole number, not {value}")
        return
    if account_id is not None and quota.owner is not QuotaOwner.ACCOUNT:
        raise ConfigurationError(f"{quota.name} does not belong to an account")
    try:
        limit_of_rate(value)
    except (ValueError, OverflowError) as error:
        raise ConfigurationError(f"{quota.name} can't be {value} a second: {error}") from error
