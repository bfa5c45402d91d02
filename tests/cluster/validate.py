"""Judges a history of replications, once everything is whole again. Source: design §1, protocol.

1. What was acknowledged happened: the replica is there, and becomes Enabled.
2. What was refused with "Nothing was changed" did not happen, and does not happen later (R11).
3. What is not known is decided: all Regions show the same set, with one primary (promise 3).
4. What any Region sealed, every member opens (promise 2).
5. Each replica has exactly one CreateKey record where it is; and the stores and audit logs of all
   Regions are whole (`validate_offline`, once for all faults).
"""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from tests.cluster.traffic import OK, Attempt, History
from tests.support.lab import FIRST, RunningLab, regionkms
from tests.support.quick_client import QuickClient
from tests.support.replicas import records

_SETTLE_S: Final = 60.0
_POLL_S: Final = 0.05
NOTHING_CHANGED: Final = "Nothing was changed"
_MAY_REFUSE: Final = frozenset({"KMSInternalException", "DependencyTimeoutException"})

Sets = dict[str, dict[str, Mapping[str, Any]]]
"""KeyMetadata by key and Region."""


Clients = Mapping[str, QuickClient]


def validate(lab: RunningLab, history: History) -> None:
    """Raise AssertionError for what is not as promised."""
    assert not history.violations, history.violations[:10]
    for attempt in history.attempts:
        refusal_is_fit = attempt.status in {0, OK} or attempt.code in _MAY_REFUSE
        assert refusal_is_fit, f"a valid call is refused: {attempt}"
    with _clients(lab) as clients:
        sets = _settled(clients, history)
        _check_refused(history, sets)
        _check_ciphertexts(clients, history, sets)
    _check_records(lab, sets)


def _settled(clients: Clients, history: History) -> Sets:
    """Rules 1 and 3: wait until Regions agree and all replicas are Enabled."""
    deadline = time.monotonic() + _SETTLE_S
    waiting = sorted(history.members())
    sets: Sets = {}
    while waiting:
        for key_id in list(waiting):
            shown = _shown(clients, key_id)
            if _disagreement(key_id, shown, history) is None:
                sets[key_id] = shown
                waiting.remove(key_id)
        if waiting and time.monotonic() > deadline:
            key_id = waiting[0]
            found = _disagreement(key_id, _shown(clients, key_id), history)
            raise AssertionError(f"{len(waiting)} keys do not settle; {key_id}: {found}")
        time.sleep(_POLL_S)
    return sets


def _shown(clients: Clients, key_id: str) -> dict[str, Mapping[str, Any]]:
    found = {}
    for region, client in clients.items():
        answer = client.call("DescribeKey", {"KeyId": key_id})
        if answer.status == OK:
            found[region] = answer.json["KeyMetadata"]
        else:
            assert answer.code == "NotFoundException", answer
    return found


@contextmanager
def _clients(lab: RunningLab) -> Iterator[Clients]:
    clients = {
        region: QuickClient(lab.endpoint(region), lab.owner, region) for region in lab.regions
    }
    try:
        yield clients
    finally:
        for client in clients.values():
            client.close()


def _disagreement(
    key_id: str, shown: Mapping[str, Mapping[str, Any]], history: History
) -> str | None:
    """Why a set is not settled, or None."""
    members = sorted(shown)
    missing = set(history.members()[key_id]) - set(members)
    if missing:
        return f"acknowledged and missing in {missing}"
    for region, metadata in shown.items():
        configuration = metadata["MultiRegionConfiguration"]
        if metadata["KeyState"] != "Enabled":
            return f"{metadata['KeyState']} in {region}"
        if configuration["PrimaryKey"]["Region"] != FIRST:
            return f"{region} names another primary: {configuration['PrimaryKey']}"
        listed = sorted([FIRST, *(each["Region"] for each in configuration["ReplicaKeys"])])
        if listed != members:
            return f"{region} shows {listed}, and there are {members}"
    return None


def _check_refused(history: History, sets: Sets) -> None:
    """Rule 2; each key is asked for each Region once, so that nothing else can have made it."""
    assert not [wrong for wrong in history.attempts if _happened_though_refused(wrong, sets)]


def _happened_though_refused(attempt: Attempt, sets: Sets) -> bool:
    return NOTHING_CHANGED in attempt.message and attempt.target in sets[attempt.key_id]


def _check_ciphertexts(clients: Clients, history: History, sets: Sets) -> None:
    """Rule 4."""
    for sealed in history.sealed:
        for region in sets[sealed.key_id]:
            answer = clients[region].call("Decrypt", {"CiphertextBlob": sealed.blob})
            assert answer.status == OK, f"{sealed} in {region}: {answer}"
            assert answer.json["Plaintext"] == sealed.plaintext


def _check_records(lab: RunningLab, sets: Sets) -> None:
    for region in lab.regions:
        made = Counter(
            resource["ARN"].rpartition("/")[2]
            for record in records(lab, region, eventName="CreateKey")
            if "errorCode" not in record
            for resource in record["resources"]
        )
        for key_id, shown in sets.items():
            expected = 1 if region in shown else 0
            assert made[key_id] == expected, f"{made[key_id]} CreateKey records in {region}"


def validate_offline(lab: RunningLab) -> None:
    """What the operators' own tools say of every Region."""
    for region in lab.regions:
        for command in ("audit", "keys"):
            done = regionkms(command, "verify", "--config", str(lab.settings(region)))
            assert done.returncode == 0, f"{region}: {done.stdout}{done.stderr}"
        assert "Traceback" not in lab.log(region), lab.log(region)[-4000:]
