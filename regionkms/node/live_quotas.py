"""The quotas in force: as configured, changed by what operators have set.

Overrides are settings of the store, `quota/<account or *>/<code>` -> requests a second or a count.
"""

from collections.abc import Callable, Mapping
from typing import Final

from regionkms.model.ids import AccountId
from regionkms.ports.store import ChangeKind, Changes, Store
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


class LiveQuotas:
    """The quotas in force in one process; an operator's change reaches it by the change feed."""

    def __init__(self, configured: QuotaSettings, store: Store) -> None:
        self._configured = configured
        self._store = store
        self.current = configured
        self.listeners: Final[list[Callable[[QuotaSettings], None]]] = []

    async def load(self) -> None:
        """Read the overrides from the store."""
        overrides = await self._store.read(lambda tx: tx.settings.prefixed(SETTING_PREFIX))
        self.current = settings_with_overrides(self._configured, overrides)
        for listener in self.listeners:
            listener(self.current)

    async def refresh(self, changes: Changes) -> None:
        """Read the overrides again if the change feed says that they moved."""
        moved = any(
            change.kind is ChangeKind.SETTING and change.name.startswith(SETTING_PREFIX)
            for change in changes.rows
        )
        if moved or not changes.complete:
            await self.load()
