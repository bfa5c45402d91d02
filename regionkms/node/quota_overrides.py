"""Quota overrides as the store keeps them: `quota/<account or *>/<code>` -> requests or count."""

from collections.abc import Mapping
from typing import Final

from regionkms.model.ids import AccountId
from regionkms.quota.settings import QuotaSettings

SETTING_PREFIX: Final = "quota/"
_EVERYBODY: Final = "*"


def setting_name(account_id: AccountId | None, code: str) -> str:
    """The setting that keeps an override."""
    return f"{SETTING_PREFIX}{account_id or _EVERYBODY}/{code}"


def settings_with_overrides(
    configured: QuotaSettings, overrides: Mapping[str, str]
) -> QuotaSettings:
    """The configured quotas with what operators have changed.

    Raises:
        ConfigurationError: An override makes no sense; they are checked when they are set.
    """
    current = configured
    for name, value in overrides.items():
        owner, _, code = name.removeprefix(SETTING_PREFIX).partition("/")
        account_id = None if owner == _EVERYBODY else AccountId(owner)
        current = current.with_override(code, float(value), account_id=account_id)
    return current
