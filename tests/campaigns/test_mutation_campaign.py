"""The short version of the mutation campaign."""

from pathlib import Path

import pytest

from tests.campaigns import mutation_campaign

REQUESTS = 5_000


@pytest.mark.timeout(900)
def test_spoilt_requests_are_refused_and_leave_the_node_as_it_was(tmp_path: Path) -> None:
    outcome = mutation_campaign.run(tmp_path, requests=REQUESTS, seed=1)
    outcome.check()
    assert outcome.requests == REQUESTS
    assert outcome.statuses["200"] > 0, outcome
    assert len(outcome.errors) > 10, outcome
