"""The tables of one open transaction, as the port names them."""

from regionkms.ports.store import (
    AccessKeyTable,
    AliasTable,
    DomainKeyTable,
    GenerationTable,
    IntentTable,
    KeyTable,
    MultiRegionTable,
    Outbox,
    SettingTable,
    TagTable,
)
from regionkms.store.session import Session
from regionkms.store.tables_audit import SqlOutbox
from regionkms.store.tables_keys import SqlKeyTable, SqlMultiRegionTable
from regionkms.store.tables_material import SqlDomainKeyTable, SqlGenerationTable
from regionkms.store.tables_names import SqlAliasTable, SqlTagTable
from regionkms.store.tables_region import SqlAccessKeyTable, SqlIntentTable, SqlSettingTable


class SqlTransaction:
    """Implements `regionkms.ports.store.StoreTransaction`."""

    def __init__(self, session: Session) -> None:
        self.session = session
        multi_region = SqlMultiRegionTable(session)
        self._multi_region = multi_region
        self._keys = SqlKeyTable(session, multi_region)

    @property
    def keys(self) -> KeyTable:
        """KMS keys."""
        return self._keys

    @property
    def generations(self) -> GenerationTable:
        """Versions of key material."""
        return SqlGenerationTable(self.session)

    @property
    def aliases(self) -> AliasTable:
        """Aliases."""
        return SqlAliasTable(self.session)

    @property
    def tags(self) -> TagTable:
        """Tags."""
        return SqlTagTable(self.session)

    @property
    def multi_region(self) -> MultiRegionTable:
        """Facts of multi-Region keys."""
        return self._multi_region

    @property
    def intents(self) -> IntentTable:
        """Intents."""
        return SqlIntentTable(self.session)

    @property
    def access_keys(self) -> AccessKeyTable:
        """Root credentials."""
        return SqlAccessKeyTable(self.session)

    @property
    def settings(self) -> SettingTable:
        """Facts of the store itself."""
        return SqlSettingTable(self.session)

    @property
    def domain_keys(self) -> DomainKeyTable:
        """Domain keys under the root key."""
        return SqlDomainKeyTable(self.session)

    @property
    def outbox(self) -> Outbox:
        """Audit records on their way to a chain."""
        return SqlOutbox(self.session)

    @property
    def commit_number(self) -> int:
        """Of this transaction when it writes; of the last commit when it reads."""
        return self.session.commit_number
