"""A generation with known bytes, and the cipher of it."""

from dataclasses import dataclass, field

from regionkms.crypto.binding import generation_tag
from regionkms.crypto.material import Material
from regionkms.crypto.message_key import GenerationCipher
from regionkms.model.ids import AccountId, GenerationId, KeyId

ACCOUNT = AccountId("111122223333")
OTHER_ACCOUNT = AccountId("444455556666")
SINGLE_REGION_KEY = KeyId("1234abcd-12ab-34cd-56ef-1234567890ab")
MULTI_REGION_KEY = KeyId("mrk-1234abcd12ab34cd56ef1234567890ab")
GENERATION = GenerationId(bytes(range(16)))


@dataclass(frozen=True, kw_only=True)
class KnownGeneration:
    account_id: AccountId = ACCOUNT
    key_id: KeyId = SINGLE_REGION_KEY
    generation_id: GenerationId = GENERATION
    material: bytes = field(default=bytes(range(32)), repr=False)
    binding_key: bytes = field(default=bytes(range(100, 132)), repr=False)

    def cipher(self) -> GenerationCipher:
        return GenerationCipher(
            Material(self.material),
            account_id=self.account_id,
            key_id=self.key_id,
            generation_id=self.generation_id,
            generation_tag=generation_tag(Material(self.binding_key), self.generation_id),
        )
