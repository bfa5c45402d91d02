"""Signed requests, made before a run: 500 that differ, over the keys of a server."""

import base64
import json
import os
import time
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPSConnection
from typing import Any

from bench.credentials import ACCESS_KEY_ID, REGION, SECRET
from bench.servers import Server
from tests.support.signing import Signer, kms_request

REQUESTS = 500
OPERATIONS = ("Encrypt", "Decrypt", "GenerateDataKey")
_PLAINTEXT_BYTES = 32
_SIGNER = Signer(access_key_id=ACCESS_KEY_ID, secret_access_key=SECRET, region=REGION)


def http_request(server: Server, operation: str, body: dict[str, object]) -> bytes:
    """One request as boto3 sends it, signed now (signatures are good for five minutes)."""
    url = f"http://127.0.0.1:{server.port}/"
    text = json.dumps(body).encode()
    return kms_request(_SIGNER, operation, text, at=time.time(), url=url).to_http()


def call(server: Server, operation: str, body: dict[str, object]) -> dict[str, Any]:
    """Make one call and return what it answers."""
    return calls(server, operation, [body])[0]


def calls(
    server: Server, operation: str, bodies: Sequence[dict[str, object]]
) -> list[dict[str, Any]]:
    """Make calls, one after the other on one connection, and return what they answer."""
    context = server.client_context
    connection = (
        HTTPConnection("127.0.0.1", server.port, timeout=30)
        if context is None
        else HTTPSConnection("127.0.0.1", server.port, timeout=30, context=context)
    )
    answers = []
    try:
        for body in bodies:
            head, _, text = http_request(server, operation, body).partition(b"\r\n\r\n")
            lines = (line.decode().partition(": ") for line in head.split(b"\r\n")[1:])
            headers = {name: value for name, _, value in lines}
            connection.request("POST", "/", body=text, headers=headers)
            response = connection.getresponse()
            answer = response.read()
            if response.status != 200:
                raise RuntimeError(f"{operation} was answered {response.status}: {answer!r}")
            answers.append(json.loads(answer))
    finally:
        connection.close()
    return answers


def bodies_of(server: Server, operation: str, count: int = REQUESTS) -> list[dict[str, object]]:
    """Bodies that differ: another plaintext and encryption context each, the keys in turn."""
    keys = server.keys
    encrypts: list[dict[str, object]] = [
        {
            "KeyId": keys[number % len(keys)],
            "Plaintext": base64.b64encode(os.urandom(_PLAINTEXT_BYTES)).decode(),
            "EncryptionContext": {"purpose": "bench", "number": str(number)},
        }
        for number in range(count)
    ]
    if operation == "Encrypt":
        return encrypts
    contexts = [body["EncryptionContext"] for body in encrypts]
    if operation == "GenerateDataKey":
        return [
            {
                "KeyId": keys[number % len(keys)],
                "KeySpec": "AES_256",
                "EncryptionContext": context,
            }
            for number, context in enumerate(contexts)
        ]
    blobs = calls(server, "Encrypt", encrypts)
    return [
        {"CiphertextBlob": blob["CiphertextBlob"], "EncryptionContext": context}
        for blob, context in zip(blobs, contexts, strict=True)
    ]


def sign_all(server: Server, operation: str, bodies: Sequence[dict[str, object]]) -> list[bytes]:
    """The bytes of requests, signed now."""
    return [http_request(server, operation, body) for body in bodies]
