// The AWS SDK for JavaScript v3, unmodified, against AWS_ENDPOINT_URL: one call of each kind.
// Prints one JSON object that test_node_client.py checks.
import {
  CreateAliasCommand,
  CreateKeyCommand,
  DecryptCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GenerateRandomCommand,
  GetKeyPolicyCommand,
  KMSClient,
  ListResourceTagsCommand,
  ReEncryptCommand,
  ScheduleKeyDeletionCommand,
  paginateListAliases,
} from "@aws-sdk/client-kms";

const alias = process.argv[2];
const kms = new KMSClient({});

async function refusal(command) {
  try {
    await kms.send(command);
    return null;
  } catch (error) {
    return {
      name: error.name,
      message: error.message,
      status: error.$metadata?.httpStatusCode,
      requestId: error.$metadata?.requestId,
    };
  }
}

const Tags = [{ TagKey: "client", TagValue: "node" }];
const made = await kms.send(new CreateKeyCommand({ Description: "by node", Tags }));
const KeyId = made.KeyMetadata.KeyId;
await kms.send(new CreateAliasCommand({ AliasName: alias, TargetKeyId: KeyId }));
const EncryptionContext = { purpose: "test", größe: "☂" };
const Plaintext = new TextEncoder().encode("hello from node");
const sealed = await kms.send(new EncryptCommand({ KeyId: alias, Plaintext, EncryptionContext }));
const CiphertextBlob = sealed.CiphertextBlob;
const opened = await kms.send(new DecryptCommand({ CiphertextBlob, EncryptionContext }));
const dataKey = await kms.send(new GenerateDataKeyCommand({ KeyId: alias, KeySpec: "AES_256" }));
const openedKey = await kms.send(
  new DecryptCommand({ CiphertextBlob: dataKey.CiphertextBlob, KeyId: alias }),
);
const moved = await kms.send(
  new ReEncryptCommand({
    CiphertextBlob,
    SourceEncryptionContext: EncryptionContext,
    DestinationKeyId: alias,
  }),
);
const names = [];
for await (const page of paginateListAliases({ client: kms, pageSize: 1 }, { KeyId })) {
  names.push(...page.Aliases.map((each) => each.AliasName));
}
const random = await kms.send(new GenerateRandomCommand({ NumberOfBytes: 24 }));
const policy = await kms.send(new GetKeyPolicyCommand({ KeyId }));
const tags = await kms.send(new ListResourceTagsCommand({ KeyId }));
const wrongContext = await refusal(
  new DecryptCommand({ CiphertextBlob, EncryptionContext: { purpose: "other" } }),
);
const unknown = await refusal(new DescribeKeyCommand({ KeyId: "alias/nobody" }));
await kms.send(new DisableKeyCommand({ KeyId }));
const disabled = await refusal(new EncryptCommand({ KeyId, Plaintext }));
const scheduled = await kms.send(
  new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }),
);

process.stdout.write(
  JSON.stringify({
    arn: made.KeyMetadata.Arn,
    creationDate: made.KeyMetadata.CreationDate.toISOString(),
    opened: new TextDecoder().decode(opened.Plaintext),
    sameDataKey: Buffer.compare(dataKey.Plaintext, openedKey.Plaintext) === 0,
    movedKeyId: moved.KeyId,
    names,
    random: random.Plaintext.length,
    policyId: JSON.parse(policy.Policy).Id,
    tags: tags.Tags,
    wrongContext,
    unknown,
    disabled,
    keyState: scheduled.KeyState,
    deletionDate: scheduled.DeletionDate.toISOString(),
  }),
);
