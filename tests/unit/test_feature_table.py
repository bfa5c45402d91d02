"""The table of features: fresh, of rows that exist, and read rightly from the tests."""

from pathlib import Path

from tools import feature_table
from tools.feature_table import Feature, find_proofs, read_features, render, unknown_ids

SOURCE = """
import pytest

pytestmark = [pytest.mark.contract, pytest.mark.feature("F01-03")]


@pytest.mark.feature("F01-01", "F01-02")
@pytest.mark.parametrize("x", [1])
def test_one(x): ...


class TestGroup:
    @pytest.mark.feature("F99-99")
    async def test_two(self): ...
"""


def test_the_page_is_what_the_markers_say_today() -> None:
    page = feature_table.PAGE.read_text("utf-8")
    fresh = render(read_features(), find_proofs())
    assert page == fresh, "run: python -m tools.feature_table"


def test_every_marker_names_a_row() -> None:
    assert unknown_ids(read_features(), find_proofs()) == []


def test_rows_are_unique_and_in_order() -> None:
    ids = [feature.feature_id for feature in read_features()]
    assert len(ids) == 365
    assert ids == sorted(set(ids))
    assert all(feature.title for feature in read_features())


def test_markers_are_found_on_functions_methods_and_modules(tmp_path: Path) -> None:
    folder = tmp_path / "tests" / "contract"
    folder.mkdir(parents=True)
    (folder / "test_sample.py").write_text(SOURCE)
    (folder / "helper.py").write_text(SOURCE)
    proofs = find_proofs(tmp_path)
    assert [(proof.feature_id, proof.test) for proof in proofs] == [
        ("F01-01", "test_one"),
        ("F01-02", "test_one"),
        ("F99-99", "test_two"),
        ("F01-03", ""),
    ]
    features = [Feature(feature_id=f"F01-0{n}", title=f"t{n}", missing="") for n in range(1, 4)]
    assert unknown_ids(features, proofs) == ["F99-99 (tests/contract/test_sample.py::test_two)"]


def test_what_is_open_is_said_in_the_page(tmp_path: Path) -> None:
    features = [
        Feature(feature_id="F01-01", title="whole", missing=""),
        Feature(feature_id="F01-02", title="half", missing="the rest"),
        Feature(feature_id="F01-03", title="none", missing="all of it"),
    ]
    folder = tmp_path / "tests"
    folder.mkdir()
    (folder / "test_sample.py").write_text(SOURCE.replace('"F01-03"', '"F01-01"'))
    page = render(features, find_proofs(tmp_path))
    assert "1 of 3 rows are proven, 1 more in part." in page
    assert "| F01-01 | whole | **proven** | `test_one`, `test_sample` |" in page
    assert "| F01-02 | half | in part; not yet: the rest | `test_one` |" in page
    assert "| F01-03 | none |  |  |" in page
