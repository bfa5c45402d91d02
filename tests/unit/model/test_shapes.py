"""The generated types of the API."""

from typing import Any

import msgspec
import pytest
from botocore.model import ListShape, MapShape, Shape, StructureShape
from msgspec import inspect

from regionkms.model import shapes
from regionkms.model.shape import Shape as ShapeType
from regionkms.model.shapes import OPERATIONS
from tests.support import api_values
from tools import generate_shapes

_PLAIN_TYPES = {
    "string": inspect.StrType,
    "blob": inspect.BytesType,
    "boolean": inspect.BoolType,
    "integer": inspect.IntType,
    "timestamp": inspect.FloatType,
}


def test_generated_files_are_what_the_script_writes_today() -> None:
    rendered = generate_shapes.render(generate_shapes.load_model())
    on_disk = {path.name: path.read_text("utf-8") for path in generate_shapes.TARGET.glob("*.py")}
    assert on_disk == rendered


def test_every_operation_of_the_model_has_a_row() -> None:
    assert set(OPERATIONS) == set(api_values.OPERATION_NAMES)
    assert len(OPERATIONS) == 56


@pytest.mark.parametrize("name", api_values.OPERATION_NAMES)
def test_a_row_names_types_required_members_and_errors(name: str) -> None:
    row, model = OPERATIONS[name], api_values.operation(name)
    assert row.name == name
    assert row.required == tuple(model.input_shape.required_members)  # type: ignore[union-attr]  # every operation has input
    assert row.errors == tuple(sorted(error.name for error in model.error_shapes))
    assert (row.output is None) is (model.output_shape is None)


@pytest.mark.parametrize("name", api_values.OPERATION_NAMES)
def test_request_types_carry_every_member_and_constraint_of_the_model(name: str) -> None:
    model = api_values.operation(name).input_shape
    assert model is not None
    _assert_same(inspect.type_info(OPERATIONS[name].input), model)


def _assert_same(node: inspect.Type, model: Shape) -> None:
    if isinstance(node, inspect.UnionType):
        (node,) = (each for each in node.types if not isinstance(each, inspect.NoneType))
    if isinstance(node, inspect.Metadata):
        assert (node.extra or {}).get("pattern") == model.metadata.get("pattern")
        assert bool((node.extra or {}).get("sensitive")) == bool(model.metadata.get("sensitive"))
        node = node.type
    match node:
        case inspect.StructType():
            assert isinstance(model, StructureShape)
            assert [field.encode_name for field in node.fields] == list(model.members)
            for field in node.fields:
                assert field.required == (field.encode_name in model.required_members)
                _assert_same(field.type, model.members[field.encode_name])
        case inspect.ListType():
            assert isinstance(model, ListShape)
            _assert_same(node.item_type, model.member)
        case inspect.DictType():
            assert isinstance(model, MapShape)
            _assert_same(node.key_type, model.key)
            _assert_same(node.value_type, model.value)
        case inspect.EnumType():
            assert [member.value for member in node.cls] == model.metadata["enum"]
        case _:
            assert type(node) is _PLAIN_TYPES[model.type_name]
    _assert_same_bounds(node, model)


def _assert_same_bounds(node: Any, model: Shape) -> None:
    lower = getattr(node, "min_length", None) or getattr(node, "ge", None) or 0
    upper = getattr(node, "max_length", None) or getattr(node, "le", None)
    assert lower == model.metadata.get("min", 0)
    assert upper == model.metadata.get("max")


@pytest.mark.parametrize(
    "shape",
    [shapes.EncryptRequest, shapes.KeyMetadata, shapes.CreateKeyResponse, shapes.Tag],
    ids=lambda shape: shape.__name__,
)
def test_values_can_not_be_changed(shape: type[ShapeType]) -> None:
    assert shape.__struct_config__.frozen


def test_repr_shows_no_blob_and_no_sensitive_member() -> None:
    request = shapes.EncryptRequest(key_id="k", plaintext=b"planted", dry_run=False)
    assert repr(request) == "EncryptRequest(key_id='k', plaintext=<7 bytes>, dry_run=False)"
    store = shapes.UpdateCustomKeyStoreRequest(
        custom_key_store_id="cks-1",
        key_store_password="planted-1",
        xks_proxy_authentication_credential=shapes.XksProxyAuthenticationCredentialType(
            access_key_id="PLANTED2", raw_secret_access_key="planted-3"
        ),
    )
    assert "planted" not in repr(store).lower()
    assert "planted" not in f"{store.__rich_repr__()}".lower()
    assert "key_store_password=<hidden>" in repr(store)


def test_quotes_of_a_response_are_those_of_its_json() -> None:
    response = shapes.ListAliasesResponse(
        aliases=[shapes.AliasListEntry(alias_name="alias/a", creation_date=1.5)], truncated=False
    )
    assert response.json_quotes() == msgspec.json.encode(response).count(b'"') == 10


def test_an_error_is_the_fault_of_whom_the_model_says() -> None:
    assert shapes.ERROR_FAULTS["KMSInternalException"] == "server"
    assert shapes.ERROR_FAULTS["DependencyTimeoutException"] == "server"
    assert shapes.ERROR_FAULTS["KeyUnavailableException"] == "server"
    assert list(shapes.ERROR_FAULTS.values()).count("server") == 3
    assert set(shapes.ERROR_FAULTS) == {name for row in OPERATIONS.values() for name in row.errors}


def test_an_operation_without_input_is_refused_by_the_script() -> None:
    class NoInput:
        name = "Nothing"
        input_shape = None

    with pytest.raises(ValueError, match="Nothing takes no input"):
        generate_shapes._operation_row(NoInput())  # type: ignore[arg-type]  # the one attribute it reads


def test_a_response_takes_what_handlers_hold() -> None:
    metadata = shapes.KeyMetadata(key_id="k", encryption_algorithms=("SYMMETRIC_DEFAULT",))
    assert msgspec.json.encode(metadata) == (
        b'{"KeyId":"k","EncryptionAlgorithms":["SYMMETRIC_DEFAULT"]}'
    )
