from regionkms.model.proto import record_pb2 as _record_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FetchRequest(_message.Message):
    __slots__ = ("source_region", "account_id", "key_id", "generation_id", "binding_key", "life", "epoch", "transport_key_id")
    SOURCE_REGION_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    GENERATION_ID_FIELD_NUMBER: _ClassVar[int]
    BINDING_KEY_FIELD_NUMBER: _ClassVar[int]
    LIFE_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    TRANSPORT_KEY_ID_FIELD_NUMBER: _ClassVar[int]
    source_region: str
    account_id: str
    key_id: str
    generation_id: bytes
    binding_key: bool
    life: int
    epoch: _record_pb2.Epoch
    transport_key_id: str
    def __init__(self, source_region: _Optional[str] = ..., account_id: _Optional[str] = ..., key_id: _Optional[str] = ..., generation_id: _Optional[bytes] = ..., binding_key: _Optional[bool] = ..., life: _Optional[int] = ..., epoch: _Optional[_Union[_record_pb2.Epoch, _Mapping]] = ..., transport_key_id: _Optional[str] = ...) -> None: ...

class FetchResponse(_message.Message):
    __slots__ = ("sealed",)
    SEALED_FIELD_NUMBER: _ClassVar[int]
    sealed: bytes
    def __init__(self, sealed: _Optional[bytes] = ...) -> None: ...
