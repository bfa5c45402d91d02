"""Write regionkms/model/shapes/ from botocore's model of the KMS API.

Run it after an update of botocore, from the root of the repository::

    python tools/generate_shapes.py

It writes one msgspec struct per request, response and structure, one StrEnum per enumeration, one
constrained alias per simple type, and the table of operations. A test renders the same in memory
and compares, so that the files can't go stale or be edited by hand.

Requests carry the model's constraints (lengths, ranges, patterns, enumerations): they are checked
while decoding. Responses are made by regionkms itself and carry plain types: enumerations as `str`
and lists as `Sequence`, so that handlers hand over what their tables hold.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import botocore.session
from botocore import xform_name
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape

TARGET: Final = Path(__file__).resolve().parent.parent / "regionkms" / "model" / "shapes"

_PACKAGE: Final = "regionkms.model.shapes"

# AWS matches the whole value, and its \w is ASCII; msgspec searches, and Python's \w is Unicode.
_PATTERN_PREFIX: Final = r"\A(?a:"
_PATTERN_SUFFIX: Final = r")\Z"

_PLAIN: Final = {
    "string": "str",
    "blob": "bytes",
    "boolean": "bool",
    "integer": "int",
    "timestamp": "float",
}

_PURPOSE: Final = {
    "__init__": "Types of the KMS API: requests, responses, structures, enumerations, operations.",
    "constraints": "Simple types of requests, with the model's constraints.",
    "enums": "Enumerations of the KMS API; the values are the wire strings.",
    "structures": "Structures that requests and responses hold.",
    "requests": "One request type per operation.",
    "responses": "One response type per operation that answers with a body.",
    "operations": "The table of operations, and who is at fault for each documented error.",
}

_LIBRARY_NAMES: Final = {
    "Annotated": "typing",
    "ClassVar": "typing",
    "Final": "typing",
    "Sequence": "collections.abc",
    "MappingProxyType": "types",
    "StrEnum": "enum",
    "Meta": "msgspec",
    "field": "msgspec",
    "Fault": "regionkms.model.shape",
    "OperationShape": "regionkms.model.shape",
    "Shape": "regionkms.model.shape",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """The model of the service, sorted into what the modules hold.

    Attributes:
        operations: All operations, by name.
        shapes: All shapes, by name.
        in_requests: Names of the shapes that a request can reach.
        nested: Structures that are no whole request or response, each after those that it holds.
        server_faults: Names of errors that are the service's fault.
    """

    operations: tuple[OperationModel, ...]
    shapes: Mapping[str, Shape]
    in_requests: frozenset[str]
    nested: tuple[StructureShape, ...]
    server_faults: frozenset[str]


def load_model() -> Model:
    """Load the KMS service model of the installed botocore."""
    session = botocore.session.get_session()
    service = session.get_service_model("kms")
    described = session.get_service_data("kms")["shapes"]
    operations = tuple(service.operation_model(name) for name in sorted(service.operation_names))
    in_requests = _reached(operation.input_shape for operation in operations)
    return Model(
        operations=operations,
        shapes={name: service.shape_for(name) for name in sorted(service.shape_names)},
        in_requests=in_requests,
        nested=_nested(service, operations, in_requests),
        server_faults=frozenset(name for name, row in described.items() if row.get("fault")),
    )


def _nested(
    service: ServiceModel, operations: Iterable[OperationModel], in_requests: frozenset[str]
) -> tuple[StructureShape, ...]:
    tops = {
        shape.name for row in operations for shape in (row.input_shape, row.output_shape) if shape
    }
    reached = in_requests | _reached(operation.output_shape for operation in operations)
    shapes = [service.shape_for(name) for name in sorted(reached - tops)]
    structures = [shape for shape in shapes if isinstance(shape, StructureShape)]
    # A structure reaches more than any that it holds.
    structures.sort(key=lambda shape: (len(_reached([shape])), shape.name))
    return tuple(structures)


def _reached(shapes: Iterable[Shape | None]) -> frozenset[str]:
    """Name the shapes that values of these shapes can hold, themselves included."""
    names: set[str] = set()
    waiting = [shape for shape in shapes if shape is not None]
    while waiting:
        shape = waiting.pop()
        names.add(shape.name)
        match shape:
            case StructureShape():
                waiting += shape.members.values()
            case ListShape():
                waiting.append(shape.member)
            case MapShape():
                waiting += (shape.key, shape.value)
            case _:
                pass
    return frozenset(names)


def render(model: Model) -> dict[str, str]:
    """Render all modules.

    Returns:
        File names in `regionkms/model/shapes/`, and their text.
    """
    requests = {
        row.input_shape.name: row.input_shape for row in model.operations if row.input_shape
    }
    responses = {
        row.output_shape.name: row.output_shape for row in model.operations if row.output_shape
    }
    bodies = {
        "constraints": [_alias(shape) for shape in _constrained_shapes(model)],
        "enums": [_enum(shape) for shape in model.shapes.values() if _values(shape)],
        "structures": [
            _request_struct(shape) if shape.name in model.in_requests else _response_struct(shape)
            for shape in model.nested
        ],
        "requests": [_request_struct(shape) for _, shape in sorted(requests.items())],
        "responses": [_response_struct(shape) for _, shape in sorted(responses.items())],
        "operations": [_operation_table(model), _fault_table(model)],
    }
    names = {module: _defined("\n".join(parts)) for module, parts in bodies.items()}
    homes = _LIBRARY_NAMES | {
        name: f"{_PACKAGE}.{module}" for module, defined in names.items() for name in defined
    }
    rendered = {
        f"{module}.py": _module(module, "\n".join(parts), homes) for module, parts in bodies.items()
    }
    return rendered | {"__init__.py": _package(names)}


def _module(module: str, body: str, homes: Mapping[str, str]) -> str:
    own = f"{_PACKAGE}.{module}"
    used = set(re.findall(r"\b[A-Za-z]\w*\b", body))
    wanted: dict[str, list[str]] = {}
    for name in sorted(used & homes.keys()):
        if homes[name] != own:
            wanted.setdefault(homes[name], []).append(name)
    return _header(module) + _import_lines(wanted) + "\n" + body


def _package(names: Mapping[str, list[str]]) -> str:
    public = sorted(name for defined in names.values() for name in defined)
    wanted = {f"{_PACKAGE}.{module}": sorted(defined) for module, defined in names.items()}
    exported = "".join(f'    "{name}",\n' for name in public)
    return f"{_header('__init__')}{_import_lines(wanted)}\n__all__ = [\n{exported}]\n"


def _header(module: str) -> str:
    return (
        f'"""{_PURPOSE[module]}\n\n'
        "Generated from botocore's model of the KMS API by `python tools/generate_shapes.py`.\n"
        "Do not edit. As long as the model is: no part of it is ever read or changed alone.\n"
        '"""\n\n'
    )


def _import_lines(wanted: Mapping[str, list[str]]) -> str:
    lines = []
    for module in sorted(wanted):
        names = "".join(f"    {name},\n" for name in wanted[module])
        lines.append(f"from {module} import (\n{names})\n")
    return "".join(lines)


def _defined(body: str) -> list[str]:
    return re.findall(r"^(?:class )?([A-Za-z]\w*)(?=\(| =|: Final)", body, flags=re.MULTILINE)


# --- simple types ---------------------------------------------------------------------------------


def _constrained_shapes(model: Model) -> list[Shape]:
    return [
        shape
        for shape in model.shapes.values()
        if shape.name in model.in_requests and shape.type_name in _PLAIN and _meta(shape)
    ]


def _alias(shape: Shape) -> str:
    return f"{shape.name} = Annotated[{_PLAIN[shape.type_name]}, Meta({', '.join(_meta(shape))})]\n"


def _meta(shape: Shape) -> list[str]:
    if _values(shape):
        return []
    lower, upper = ("ge", "le") if shape.type_name == "integer" else ("min_length", "max_length")
    meta = []
    if shape.metadata.get("min"):  # a minimum of 0 constrains nothing
        meta.append(f"{lower}={shape.metadata['min']}")
    if "max" in shape.metadata:
        meta.append(f"{upper}={shape.metadata['max']}")
    extra: dict[str, object] = {}
    if pattern := shape.metadata.get("pattern"):
        meta.append(f"pattern={_PATTERN_PREFIX + pattern + _PATTERN_SUFFIX!r}")
        extra["pattern"] = pattern
    if shape.metadata.get("sensitive"):
        extra["sensitive"] = True
    return [*meta, f"extra={extra!r}"] if extra else meta


def _values(shape: Shape) -> list[str]:
    return list(shape.metadata.get("enum", ()))


def _enum(shape: Shape) -> str:
    members = "\n".join(f'    {_constant(value)} = "{value}"' for value in _values(shape))
    return f'\nclass {shape.name}(StrEnum):\n    """`{shape.name}`."""\n\n{members}\n'


def _constant(value: str) -> str:
    return value if value.isupper() else xform_name(value).upper()


# --- structures -----------------------------------------------------------------------------------


def _request_struct(shape: StructureShape) -> str:
    return _struct(shape, _request_type) + _count_method(shape)


def _response_struct(shape: StructureShape) -> str:
    return _struct(shape, _response_type)


def _struct(shape: StructureShape, typed: Callable[[Shape], str]) -> str:
    lines = [
        f"\nclass {shape.name}(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):",
        f'    """`{shape.name}`."""\n',
    ]
    if hidden := [xform_name(name) for name, member in shape.members.items() if _is_secret(member)]:
        lines.append(f"    hidden: ClassVar[frozenset[str]] = frozenset({hidden!r})\n")
    for name, member in shape.members.items():
        expression = typed(member)
        if name in shape.required_members:
            lines.append(f'    {xform_name(name)}: {expression} = field(name="{name}")')
        else:
            lines.append(
                f'    {xform_name(name)}: {expression} | None = field(default=None, name="{name}")'
            )
    return "\n".join(lines) + "\n"


def _is_secret(shape: Shape) -> bool:
    return bool(shape.metadata.get("sensitive"))


def _request_type(shape: Shape) -> str:
    match shape:
        case ListShape():
            expression = f"list[{_request_type(shape.member)}]"
            meta = _meta(shape)
            return f"Annotated[{expression}, Meta({', '.join(meta)})]" if meta else expression
        case MapShape():
            return f"dict[{_request_type(shape.key)}, {_request_type(shape.value)}]"
        case StructureShape():
            return shape.name
        case _:
            named = bool(_values(shape) or _meta(shape))
            return shape.name if named else _PLAIN[shape.type_name]


def _response_type(shape: Shape) -> str:
    match shape:
        case ListShape():
            return f"Sequence[{_response_type(shape.member)}]"
        case MapShape():
            return f"dict[{_response_type(shape.key)}, {_response_type(shape.value)}]"
        case StructureShape():
            return shape.name
        case _:
            return _PLAIN[shape.type_name]


def _count_method(shape: StructureShape) -> str:
    members = shape.members.items()
    required = [(name, member) for name, member in members if name in shape.required_members]
    optional = [(name, member) for name, member in members if name not in shape.required_members]
    always = " + ".join(["0", *(_quotes(name, member) for name, member in required)])
    lines = ["", "    def json_quotes(self) -> int:", f"        quotes = {_folded(always)}"]
    for name, member in optional:
        lines.append(f"        if self.{xform_name(name)} is not None:")
        lines.append(f"            quotes += {_folded(_quotes(name, member))}")
    return "\n".join([*lines, "        return quotes", ""])


def _quotes(name: str, shape: Shape) -> str:
    """Write the quotation marks of one member, its name included, as an expression."""
    value = f"self.{xform_name(name)}"
    match shape:
        case ListShape() if isinstance(shape.member, StructureShape):
            return f"2 + sum([item.json_quotes() for item in {value}])"
        case ListShape():
            return f"2 + 2 * len({value})"
        case MapShape():
            return f"2 + 4 * len({value})"
        case StructureShape():
            return f"2 + {value}.json_quotes()"
        case _:
            return "4" if _PLAIN[shape.type_name] in {"str", "bytes"} else "2"


def _folded(expression: str) -> str:
    terms = expression.split(" + ")
    total = sum(int(term) for term in terms if term.isdecimal())
    return " + ".join([str(total), *(term for term in terms if not term.isdecimal())])


# --- tables ---------------------------------------------------------------------------------------


def _operation_table(model: Model) -> str:
    rows = "".join(_operation_row(operation) for operation in model.operations)
    return f"OPERATIONS: Final = MappingProxyType({{\n{rows}}})\n"


def _operation_row(operation: OperationModel) -> str:
    if operation.input_shape is None:
        raise ValueError(f"{operation.name} takes no input: no operation of KMS did")
    output = operation.output_shape.name if operation.output_shape else "None"
    errors = sorted(shape.name for shape in operation.error_shapes)
    return (
        f'    "{operation.name}": OperationShape(\n'
        f'        name="{operation.name}",\n'
        f"        input={operation.input_shape.name},\n"
        f"        output={output},\n"
        f"        required={tuple(operation.input_shape.required_members)!r},\n"
        f"        errors={tuple(errors)!r},\n"
        "    ),\n"
    )


def _fault_table(model: Model) -> str:
    errors = {shape.name for row in model.operations for shape in row.error_shapes}
    rows = "".join(
        f'    "{name}": "{"server" if name in model.server_faults else "client"}",\n'
        for name in sorted(errors)
    )
    return f"ERROR_FAULTS: Final[MappingProxyType[str, Fault]] = MappingProxyType({{\n{rows}}})\n"


def main() -> None:
    """Write the files."""
    TARGET.mkdir(exist_ok=True)
    for name, text in render(load_model()).items():
        (TARGET / name).write_text(text, encoding="utf-8")
        print(f"{TARGET.name}/{name}: {text.count(chr(10))} lines")


if __name__ == "__main__":
    main()
