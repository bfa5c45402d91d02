"""One request on its way through the stages: what the pipeline has found out so far.

A handler gets the call after all stages have passed and uses `commit` for its one transaction.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Final, TypeVar

import msgspec

from regionkms.identity.caller import CallerIdentity
from regionkms.model.errors import DryRunOperationException, KmsError, NotFoundException
from regionkms.model.ids import AccountId, KeyArn
from regionkms.model.key import KmsKey
from regionkms.model.key_state import refusal, state_of
from regionkms.operations.loaded_key import LoadedKey, state_facts
from regionkms.operations.region import Region
from regionkms.policy.principal import Principal
from regionkms.policy.request import IdentityVerdict
from regionkms.ports.operation import Operation
from regionkms.ports.store import OutboxRecord, StoreTransaction

T = TypeVar("T")
_NOTHING: Final[Mapping[str, object]] = MappingProxyType({})


class Call(msgspec.Struct, kw_only=True, eq=False):
    """One authenticated request for one operation.

    A msgspec struct because every request makes one: 0.2 us, a plain class 0.7 us.

    Attributes:
        request: The operation's request struct; its type is that of the operation.
        caller: Who signed it.
        identity: What the caller's own account says about its identities (design §5 step 6).
        arrival: See KeyCache.arrive.
        event_time: Time of KMS when the call came, in seconds since 1970.
        charged: The request quotas have been charged; a call that runs again is not charged twice.
        loaded: See `key`; None before authorization.
        read_through: The store was asked again for a generation that memory lacks.
        resources: (account, ARN) of what the call touched, in the order its record shows.
        additional: additionalEventData of its record.
        recorded: Its audit record stands already.
        response: The operation's response struct once the call has ended well; None for an empty
            body.
        error: Why the call has failed; before it runs: why its request can't be read.
        ticket: What `finish` needs to answer; means nothing to operations.
    """

    operation: Operation
    request: Any
    caller: CallerIdentity
    identity: IdentityVerdict
    region: Region
    request_id: str
    source_ip: str
    user_agent: str
    secure_transport: bool
    arrival: int = 0
    event_time: float = 0.0
    charged: bool = False
    loaded: LoadedKey | None = None
    read_through: bool = False
    resources: tuple[tuple[AccountId, str], ...] = ()
    additional: Mapping[str, object] = _NOTHING
    recorded: bool = False
    response: Any = None
    error: KmsError | None = None
    ticket: Any = None
    vpc_endpoint_id: ClassVar[str] = ""

    def __repr__(self) -> str:
        return f"<call {self.request_id} of {self.operation.name}>"

    @property
    def key(self) -> LoadedKey:
        """The key that the pipeline resolved, authorized and found in a fitting state."""
        if self.loaded is None:
            raise ValueError(f"{self.operation.name} is declared without a key")
        return self.loaded

    @property
    def encryption_algorithm(self) -> str | None:
        """What `kms:EncryptionAlgorithm` is compared with; the default where none was sent."""
        try:
            named: str | None = self.request.encryption_algorithm
        except AttributeError:
            return None
        return named or "SYMMETRIC_DEFAULT"

    def stop_if_dry_run(self) -> None:
        """End a DryRun that has passed every check (spec 04 §11).

        Raises:
            DryRunOperationException: The request has DryRun and would have succeeded.
        """
        if self.operation.dry_run and self.request.dry_run:
            raise DryRunOperationException(
                "The request would have succeeded, but the DryRun option is set."
            )

    @property
    def principal(self) -> Principal:
        """The caller, as the policy engine knows it."""
        return self.caller.principal

    @property
    def account_id(self) -> AccountId:
        """The caller's account."""
        return self.caller.principal.account_id

    @property
    def region_name(self) -> str:
        """The Region that serves the call."""
        return self.region.name

    @property
    def key_arn(self) -> str:
        """ARN of the key that the pipeline found; empty without one."""
        return "" if self.loaded is None else self.loaded.arn

    def fail(self, error: KmsError) -> None:
        """End the call with an error; nothing of a response is kept."""
        self.response, self.error = None, error

    def recheck(self, tx: StoreTransaction) -> KmsKey:
        """Read the call's key again inside its transaction and check its state once more.

        Another worker may have changed the key since the pipeline looked.

        Raises:
            NotFoundException: The key is gone.
            KmsError: The state table refuses now.
        """
        loaded = self.key
        key = tx.keys.get(loaded.key.account_id, loaded.key.key_id)
        if key is None:
            raise not_found(loaded.arn)
        held = frozenset(
            generation.generation_id
            for generation in tx.generations.of_key(key.account_id, key.key_id)
        )
        state = state_of(state_facts(key, held, loaded.mirror, self.region.store.store_id))
        if self.operation.checks_state:
            error = refusal(self.operation.name, state, key.origin, loaded.arn)
            if error is not None:
                raise error
        return key

    async def commit(self, work: Callable[[StoreTransaction], T]) -> T:
        """Run the call's one transaction, its audit record in it; both are durable on return.

        Args:
            work: Changes the store and returns the response struct (or None). It sets `recorded`
                where it finds that the agent has written the call's record.

        Raises:
            StoreUnavailable: Nothing changed.
            AuditUnavailable: The change stands and its record waits in the outbox.
        """
        sealed = self.region.audit.sealed()
        records: list[OutboxRecord] = []

        def transaction(tx: StoreTransaction) -> T:
            self.response = response = work(tx)
            records.clear()
            if not self.recorded:
                records.extend(self.region.recorder.outbox_records(self))
            for record in records:
                tx.outbox.append(record)
            if sealed:
                tx.outbox.remove(sealed)
            return response

        response = await self.region.store.write(transaction)
        self.recorded = True
        if records:
            await self.region.audit.seal(records)
        return response


def not_found(arn: KeyArn | str) -> NotFoundException:
    """What an unknown key answers to a caller who may know (spec 01 I8)."""
    return NotFoundException(f"Key '{arn}' does not exist")
