from regionkms.model.proto import record_pb2 as _record_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Certification(_message.Message):
    __slots__ = ("cluster", "lab", "region", "enrolment", "record_key")
    CLUSTER_FIELD_NUMBER: _ClassVar[int]
    LAB_FIELD_NUMBER: _ClassVar[int]
    REGION_FIELD_NUMBER: _ClassVar[int]
    ENROLMENT_FIELD_NUMBER: _ClassVar[int]
    RECORD_KEY_FIELD_NUMBER: _ClassVar[int]
    cluster: str
    lab: bool
    region: str
    enrolment: int
    record_key: bytes
    def __init__(self, cluster: _Optional[str] = ..., lab: _Optional[bool] = ..., region: _Optional[str] = ..., enrolment: _Optional[int] = ..., record_key: _Optional[bytes] = ...) -> None: ...

class RegionEntry(_message.Message):
    __slots__ = ("cluster", "region", "serial", "certificate", "transport_key", "transport_key_id", "address", "store_id", "store_replacements", "store_commit_number", "software_version", "record_format")
    CLUSTER_FIELD_NUMBER: _ClassVar[int]
    REGION_FIELD_NUMBER: _ClassVar[int]
    SERIAL_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATE_FIELD_NUMBER: _ClassVar[int]
    TRANSPORT_KEY_FIELD_NUMBER: _ClassVar[int]
    TRANSPORT_KEY_ID_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    STORE_REPLACEMENTS_FIELD_NUMBER: _ClassVar[int]
    STORE_COMMIT_NUMBER_FIELD_NUMBER: _ClassVar[int]
    SOFTWARE_VERSION_FIELD_NUMBER: _ClassVar[int]
    RECORD_FORMAT_FIELD_NUMBER: _ClassVar[int]
    cluster: str
    region: str
    serial: int
    certificate: bytes
    transport_key: bytes
    transport_key_id: str
    address: str
    store_id: str
    store_replacements: int
    store_commit_number: int
    software_version: str
    record_format: int
    def __init__(self, cluster: _Optional[str] = ..., region: _Optional[str] = ..., serial: _Optional[int] = ..., certificate: _Optional[bytes] = ..., transport_key: _Optional[bytes] = ..., transport_key_id: _Optional[str] = ..., address: _Optional[str] = ..., store_id: _Optional[str] = ..., store_replacements: _Optional[int] = ..., store_commit_number: _Optional[int] = ..., software_version: _Optional[str] = ..., record_format: _Optional[int] = ...) -> None: ...

class SignedCertification(_message.Message):
    __slots__ = ("certification", "signature")
    CERTIFICATION_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    certification: bytes
    signature: bytes
    def __init__(self, certification: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class SignedRegionEntry(_message.Message):
    __slots__ = ("entry", "signature", "certification", "former")
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATION_FIELD_NUMBER: _ClassVar[int]
    FORMER_FIELD_NUMBER: _ClassVar[int]
    entry: bytes
    signature: bytes
    certification: SignedCertification
    former: _containers.RepeatedCompositeFieldContainer[SignedCertification]
    def __init__(self, entry: _Optional[bytes] = ..., signature: _Optional[bytes] = ..., certification: _Optional[_Union[SignedCertification, _Mapping]] = ..., former: _Optional[_Iterable[_Union[SignedCertification, _Mapping]]] = ...) -> None: ...

class ClusterIncarnation(_message.Message):
    __slots__ = ("cluster", "lab", "incarnation")
    CLUSTER_FIELD_NUMBER: _ClassVar[int]
    LAB_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    cluster: str
    lab: bool
    incarnation: _record_pb2.Incarnation
    def __init__(self, cluster: _Optional[str] = ..., lab: _Optional[bool] = ..., incarnation: _Optional[_Union[_record_pb2.Incarnation, _Mapping]] = ...) -> None: ...

class SignedIncarnation(_message.Message):
    __slots__ = ("incarnation", "writer", "signature")
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    WRITER_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    incarnation: bytes
    writer: str
    signature: bytes
    def __init__(self, incarnation: _Optional[bytes] = ..., writer: _Optional[str] = ..., signature: _Optional[bytes] = ...) -> None: ...
