import pytest

from regionkms.audit.members import lower_camel, unknown_members, visible
from regionkms.model.shape import Shape
from regionkms.model.shapes.operations import OPERATIONS as SHAPES
from regionkms.operations import OPERATIONS
from tests.contract.audit_table import AUDIT_TABLE


def test_every_operation_has_its_row() -> None:
    assert OPERATIONS.keys() <= AUDIT_TABLE.keys()


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_the_allow_list_of_an_operation_is_its_row_of_the_specification(name: str) -> None:
    row, operation = AUDIT_TABLE[name], OPERATIONS[name]
    audited = operation.audited
    assert operation.read_only is row.read_only
    assert {lower_camel(member) for member in audited.request} == row.request
    filled = {
        member for member in audited.defaults if visible(audited.defaults[member]) is not None
    }
    assert {lower_camel(member) for member in filled} == row.filled
    response = {lower_camel(member) for member in audited.response}
    assert response | ({"keyId"} if audited.key_arn else set()) == row.response


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_the_allow_list_of_an_operation_names_members_that_there_are(name: str) -> None:
    shape = SHAPES[name]
    output: type[Shape] | None = shape.output
    assert unknown_members(OPERATIONS[name].audited, shape.input, output) == ""
