"""What the planner may answer: one step, carried out as one local transaction or one etcd txn (R1).

A new row of protocol §5 adds a step here (or reuses one), a rule in rules.py or levelling.py, and
its execution in reconcile/execute.py; `assert_never` there names what is missing.
"""

from dataclasses import dataclass, field

from regionkms.model.ids import GenerationId, RegionName
from regionkms.model.key import Intent, KmsKey, MultiRegionFacts, Tag
from regionkms.model.proposal import Proposal
from regionkms.model.record import Member, Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """Nothing to do until something changes.

    Attributes:
        wake_at: Machine time at which to look again all the same; None: only when woken.
    """

    wake_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """The record is not to be believed, or lacks what this Region knows: no CAS (protocol §6).

    The data plane goes on. `reason` is for log and metrics.
    """

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A local transaction: what follows from the reading, mirror included (R5).

    Attributes:
        facts: Facts to store; None leaves them.
        insert: A key that the Region gets (Create).
        update: The key's row with other values.
        tags: Of a created key; None leaves the tags.
        intents: Intents with their new state and outcome.
        created_for: The proposal that a Create answers; its CreateKey record is written.
        note: What happened, for the log; empty if it is nothing to tell.
        alarm: Whether an operator should know.
    """

    facts: MultiRegionFacts | None = None
    insert: KmsKey | None = None
    update: KmsKey | None = None
    tags: tuple[Tag, ...] | None = None
    intents: tuple[Intent, ...] = ()
    created_for: Proposal | None = None
    note: str = ""
    alarm: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """CAS: the first record of a multi-Region key that was made here."""

    key: KmsKey
    generations: tuple[GenerationId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Propose:
    """CAS, an act: ReplicateKey 2."""

    record: Record
    target: RegionName
    intent: Intent


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """CAS: accept or refuse a proposal to this Region; the checks are the executor's."""

    record: Record
    life: int
    proposal: Proposal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """CAS: a successor of the record that needs no signature but its writer's.

    Attributes:
        name: Of the row in protocol §5, for log and metrics.
        successor: Made by record_change.py from the record as read.
        ends_proposals: Regions whose proposal text goes with it.
    """

    name: str
    successor: Record
    ends_proposals: frozenset[RegionName] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """Ask other Regions for material, then store it in one local transaction.

    Attributes:
        binding_key: Whether the key's binding key is wanted too (before everything else).
        generations: What is missing, the one in use first.
        sources: Regions to ask, best first; each holds at least one of them.
    """

    record: Record
    life: int
    binding_key: bool
    generations: tuple[GenerationId, ...] = field(default=())
    sources: tuple[Member, ...] = ()


Step = Settled | Stop | Level | Found | Propose | Answer | Write | Fetch
