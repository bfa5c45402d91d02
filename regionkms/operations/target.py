"""What a key identifier means in a Region."""

from typing import Final

from regionkms.model.errors import KmsError
from regionkms.model.ids import AccountId
from regionkms.operations.loaded_key import LoadedKey


class Target:
    """What an identifier means in this Region.

    Attributes:
        key: The key, or None if there is none.
        account_id: The account that the key would belong to.
        arn: What a refusal names: the same text whether the key exists or not.
        alias_name: The alias used, with its prefix; None if the key was named directly.
        absence: What a caller who may know is told if there is no key.
        refusal: The whole message of a refusal, where it must not depend on the key.
    """

    __slots__ = ("absence", "account_id", "alias_name", "arn", "key", "refusal")

    def __init__(
        self,
        *,
        key: LoadedKey | None,
        account_id: AccountId,
        arn: str,
        alias_name: str | None = None,
        absence: KmsError | None = None,
        refusal: str | None = None,
    ) -> None:
        self.key: Final = key
        self.account_id: Final = account_id
        self.arn: Final = arn
        self.alias_name: Final = alias_name
        self.absence: Final = absence
        self.refusal: Final = refusal
