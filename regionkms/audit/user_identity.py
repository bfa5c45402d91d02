"""The userIdentity member of an audit record. Pure. Source: spec 02 §3.3."""

from regionkms.audit.members import Json
from regionkms.policy.principal import Principal, PrincipalKind


def user_identity(principal: Principal, access_key_id: str) -> dict[str, Json]:
    """Tell who called.

    Sessions have no sessionContext.attributes until credentials tell when they were made.
    """
    match principal.kind:
        case PrincipalKind.SERVICE:
            return {"type": "AWSService", "invokedBy": principal.arn}
        case PrincipalKind.ROOT:
            return _identity("Root", principal, access_key_id)
        case PrincipalKind.USER:
            identity = _identity("IAMUser", principal, access_key_id)
            return {**identity, "userName": _last_part(principal.arn)}
        case PrincipalKind.ROLE_SESSION:
            identity = _identity("AssumedRole", principal, access_key_id)
            return {**identity, "sessionContext": {"sessionIssuer": _session_issuer(principal)}}
        case PrincipalKind.FEDERATED_USER:
            return _identity("FederatedUser", principal, access_key_id)


def internal_identity(account_id: str, invoked_by: str) -> dict[str, Json]:
    """KMS itself, in the log of the key's owner."""
    return {"accountId": account_id, "invokedBy": invoked_by}


def _identity(kind: str, principal: Principal, access_key_id: str) -> dict[str, Json]:
    return {
        "type": kind,
        "principalId": principal.user_id,
        "arn": principal.arn,
        "accountId": principal.account_id,
        "accessKeyId": access_key_id,
    }


def _session_issuer(principal: Principal) -> dict[str, Json]:
    role_arn = principal.role_arn or ""
    return {
        "type": "Role",
        "principalId": principal.user_id.partition(":")[0],
        "arn": role_arn,
        "accountId": principal.account_id,
        "userName": _last_part(role_arn),
    }


def _last_part(arn: str) -> str:
    return arn.rpartition("/")[2]
