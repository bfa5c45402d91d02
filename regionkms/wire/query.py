"""The Query protocol: an action with parameters in a form or a query string, an answer in XML.

STS speaks it; clients ask its GetCallerIdentity to learn who they are. ACTIONS has a row for
each action; what an action does is the business of the one who calls `parse` and `encode_result`.

Source: AWS Query protocol of botocore; STS API reference, version 2011-06-15.
"""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from urllib.parse import parse_qsl

from regionkms.model.errors import (
    KmsError,
    RequestEntityTooLargeException,
    SerializationException,
    UnknownOperationException,
)
from regionkms.wire.errors import Answer, query_code, query_status

CONTENT_TYPE: Final = "text/xml"

MAX_FORM_BYTES: Final = 16_384
"""Of a query string and a form together: the longest session token and signature fit twice."""

MAX_PARAMETERS: Final = 64
"""Of one request. GetCallerIdentity has none beyond Action, Version and those of a signed URL."""

MAX_SHOWN_CHARACTERS: Final = 64
"""Of a name that a message repeats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryAction:
    """One action of one version of a service.

    Attributes:
        service: The service as a signature's scope names it.
        version: The API version that a request must name.
        name: The action.
        namespace: XML namespace of its answers.
        result: Members of the result, in order.
    """

    service: str
    version: str
    name: str
    namespace: str
    result: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryRequest:
    """A request: the action that it names, and its parameters without Action and Version."""

    action: QueryAction
    parameters: Mapping[str, str]


STS_NAMESPACE: Final = "https://sts.amazonaws.com/doc/2011-06-15/"

GET_CALLER_IDENTITY: Final = QueryAction(
    service="sts",
    version="2011-06-15",
    name="GetCallerIdentity",
    namespace=STS_NAMESPACE,
    result=("Arn", "UserId", "Account"),
)

ACTIONS: Final = MappingProxyType(
    {(row.service, row.version, row.name): row for row in (GET_CALLER_IDENTITY,)}
)

NAMESPACES: Final = MappingProxyType({row.service: row.namespace for row in ACTIONS.values()})
"""For each service the XML namespace of its errors."""


def parse(service: str, query_string: bytes, body: bytes) -> QueryRequest:
    """Read a request.

    Args:
        service: The service in the scope of the request's signature.
        query_string: What follows `?` in the request's target.
        body: A body of type `application/x-www-form-urlencoded`.

    Raises:
        RequestEntityTooLargeException: More than MAX_FORM_BYTES.
        SerializationException: Not form-encoded UTF-8, a parameter twice, or too many.
        UnknownOperationException: The service has no such action in the version that was named.
    """
    if len(query_string) + len(body) > MAX_FORM_BYTES:
        raise RequestEntityTooLargeException(
            f"Query string and form are longer than {MAX_FORM_BYTES} bytes"
        )
    parameters = _parameters(b"&".join(part for part in (query_string, body) if part))
    name = parameters.pop("Action", None)
    version = parameters.pop("Version", "NO_VERSION_SPECIFIED")
    if name is None:
        raise UnknownOperationException("The request has no parameter Action")
    action = ACTIONS.get((service, version, name))
    if action is None:
        raise UnknownOperationException(
            f"Could not find operation {_shown(name)} for version {_shown(version)}"
        )
    return QueryRequest(action=action, parameters=MappingProxyType(parameters))


_BAD_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def _parameters(form: bytes) -> dict[str, str]:
    if form.count(b"&") >= MAX_PARAMETERS:
        raise SerializationException(f"The request has more than {MAX_PARAMETERS} parameters")
    pairs = _pairs(form)
    if pairs is None:
        raise SerializationException("Query string or form is not form-encoded UTF-8")
    parameters = dict(pairs)
    if len(parameters) != len(pairs):
        raise SerializationException("The request has the same parameter twice")
    return parameters


def _pairs(form: bytes) -> list[tuple[str, str]] | None:
    """Decode, or return None: the library's exceptions hold the form and do not leave here."""
    if not form.isascii() or _BAD_ESCAPE.search(form):
        return None
    try:
        return parse_qsl(form.decode("ascii"), keep_blank_values=True, errors="strict")
    except ValueError:
        return None


def _shown(name: str) -> str:
    return name[:MAX_SHOWN_CHARACTERS]


# --- answers --------------------------------------------------------------------------------------


def encode_result(action: QueryAction, members: Mapping[str, str], request_id: str) -> bytes:
    """Write the answer of a call that succeeded.

    Args:
        action: The action.
        members: A value for each member of `action.result`.
        request_id: The id that the answer's header has too.

    Raises:
        KeyError: A member has no value.
    """
    result = "".join(f"    {_element(name, members[name])}\n" for name in action.result)
    return (
        f'<{action.name}Response xmlns="{action.namespace}">\n'
        f"  <{action.name}Result>\n{result}  </{action.name}Result>\n"
        f"  <ResponseMetadata>\n    {_element('RequestId', request_id)}\n  </ResponseMetadata>\n"
        f"</{action.name}Response>\n"
    ).encode()


def answer_error(error: KmsError, service: str, request_id: str) -> Answer:
    """Write the answer of a call that failed.

    Args:
        error: Why.
        service: The service that was called; an unknown one gets the namespace of STS.
        request_id: The id that the answer's header has too.
    """
    kind = "Sender" if error.fault == "client" else "Receiver"
    body = (
        f'<ErrorResponse xmlns="{NAMESPACES.get(service, STS_NAMESPACE)}">\n'
        "  <Error>\n"
        f"    {_element('Type', kind)}\n"
        f"    {_element('Code', query_code(error))}\n"
        f"    {_element('Message', error.message)}\n"
        "  </Error>\n"
        f"  {_element('RequestId', request_id)}\n"
        "</ErrorResponse>\n"
    )
    return Answer(status=query_status(error), body=body.encode())


_NOT_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no XML 1.0 document can hold, escaped or not (XML 1.0 §2.2)."""


def _element(name: str, text: str) -> str:
    replaced = _NOT_XML.sub("\ufffd", text)
    return f"<{name}>{html.escape(replaced)}</{name}>"
