"""Checks all chains of a directory, and names what is missing, altered or out of order.

What a chain itself can't tell, its signed head can: somebody who may write the files can make a
consistent chain of his own, but not one that contains the line whose hash was signed. So a cut
tail, a missing last file and a rewritten chain are found as far as the last signed head reaches,
which is all but the last two seconds. Heads are kept in the store, and must be read before the
files, or a record that is written in between looks missing. A store that was rolled back together
with the files has an old head too; then etcd's copy, which is written after the store's, is ahead.

Source: design §5b.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from regionkms.audit.findings import EventIds, Fault, Finding, Tally
from regionkms.audit.heads import ChainHead, open_head
from regionkms.audit.segment import LOCK_SUFFIX, SegmentName, is_process_name, parse_name
from regionkms.audit.walk import ChainWalk


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a verification found.

    Attributes:
        findings: The first fault of each chain, then files that don't belong, then bad heads.
        chains: How many there are.
        segments: Files read.
        lines: Good lines, openings of segments included.
        records: Audit records among them.
        recovered: Torn ends that a crash left and a later start closed.
        heads: Signed heads whose line was found.
        unsigned: Chains without a signed head: nothing tells whether their end was cut off.
        unbelieved: Chains whose head in etcd this Region has not signed. That is no fault of the
            log: whoever can write etcd can put one there.
        unfinished: Files whose last line is not whole: being written, or torn by a crash whose
            next start is still to come.
    """

    findings: tuple[Finding, ...]
    chains: int
    segments: int
    lines: int
    records: int
    recovered: int
    heads: int
    unsigned: tuple[str, ...]
    unbelieved: tuple[str, ...]
    unfinished: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Nothing is wrong."""
        return not self.findings


def verify(
    directory: Path,
    heads: Mapping[str, str],
    public_key: bytes | None,
    witnessed: Mapping[str, str] = MappingProxyType({}),
) -> Report:
    """Check every chain of a directory. It may be written to meanwhile.

    Args:
        directory: Where the segments are.
        heads: Signed heads by chain, as the store keeps them; read before this is called.
        public_key: The Region's record key, 32 bytes; None if the Region signs no heads.
        witnessed: Signed heads by chain, as etcd keeps them; read before `heads` was.

    Returns:
        What was found. The walk of a chain ends at its first fault; other chains are walked on.

    Raises:
        OSError: The directory can't be read.
    """
    chains, foreign = _list(directory)
    findings: list[Finding] = []
    bad_heads: list[Finding] = []
    tally, event_ids = Tally(), EventIds()
    kept, far = _open_all(heads, public_key), _open_all(witnessed, public_key)
    for chain in sorted(chains.keys() | heads.keys() | far.keys()):
        if chain in heads and chain not in kept:
            bad_heads.append(_bad_head(chain))
        elif _is_behind(kept.get(chain), far.get(chain)):
            bad_heads.append(_store_behind(kept.get(chain), far[chain]))
        signed = {place[chain] for place in (kept, far) if chain in place}
        walk = ChainWalk(directory, chain, tally=tally, event_ids=event_ids, heads=tuple(signed))
        finding = walk.run(chains.get(chain, []))
        if finding is not None:
            findings.append(finding)
    return Report(
        findings=(*findings, *foreign, *bad_heads),
        chains=len(chains),
        segments=tally.segments,
        lines=tally.lines,
        records=tally.records,
        recovered=tally.recovered,
        heads=tally.heads,
        unsigned=tuple(sorted(chains.keys() - heads.keys() - far.keys())),
        unbelieved=tuple(sorted(witnessed.keys() - far.keys())),
        unfinished=tuple(tally.unfinished),
    )


def _open_all(sealed: Mapping[str, str], public_key: bytes | None) -> dict[str, ChainHead]:
    opened = {chain: open_head(text, chain, public_key) for chain, text in sealed.items()}
    return {chain: head for chain, head in opened.items() if head is not None}


def _is_behind(kept: ChainHead | None, far: ChainHead | None) -> bool:
    return far is not None and (kept is None or kept.n < far.n)


def _store_behind(kept: ChainHead | None, far: ChainHead) -> Finding:
    has = "no head" if kept is None else f"record {kept.n}"
    return Finding(
        fault=Fault.STORE_BEHIND,
        chain=far.chain,
        file=f"the head of {far.chain} in the store",
        detail=f"the store has {has}, etcd has record {far.n}",
    )


def _list(directory: Path) -> tuple[dict[str, list[SegmentName]], list[Finding]]:
    chains: dict[str, list[SegmentName]] = {}
    foreign = []
    for entry in sorted(directory.iterdir()):
        name = parse_name(entry.name)
        if entry.is_symlink() or not entry.is_file():
            foreign.append(_foreign(entry.name, "it is no regular file"))
        elif name is not None:
            chains.setdefault(name.process, []).append(name)
        elif not (entry.suffix == LOCK_SUFFIX and is_process_name(entry.stem)):
            foreign.append(_foreign(entry.name, "it is not named like a segment"))
    return {chain: sorted(names) for chain, names in chains.items()}, foreign


def _foreign(file: str, detail: str) -> Finding:
    return Finding(fault=Fault.FOREIGN_FILE, chain="", file=file, detail=detail)


def _bad_head(chain: str) -> Finding:
    return Finding(fault=Fault.BAD_HEAD, chain=chain, file=f"the head of {chain}")
