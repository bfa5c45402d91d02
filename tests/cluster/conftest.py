"""One lab for all tests of the folder; each test finds it whole and leaves it to be mended."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.lab import RunningLab, running_lab


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.cluster)


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    """Three Regions that serve; quotas that nobody meets by accident."""
    with running_lab(tmp_path_factory.mktemp("lab") / "lab", "--quotas", "x1000") as made:
        yield made


@pytest.fixture
def breakable(lab: RunningLab) -> Iterator[RunningLab]:
    """The same lab, brought back to health after the test."""
    try:
        yield lab
    finally:
        lab.recover()
