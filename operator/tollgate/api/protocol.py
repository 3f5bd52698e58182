"""How a model server is spoken to and reached: the protocols, TLS, the bearer token, headers and parameters.

All of it is part of a cluster-scoped profile: a tenant's object never says where a credential goes. The credential
itself is in a Secret beside the model, and only its name is here.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from tollgate.api.base import Model, ObjectName, Rule, checked

DataKey = Annotated[str, StringConstraints(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$")]
JMESPath = Annotated[str, StringConstraints(min_length=1, max_length=253)]


class Protocol(StrEnum):
    """How the model is spoken to."""

    OPEN_INFERENCE = "OpenInference"
    JSON = "JSON"
    OPENAI_CHAT = "OpenAIChat"
    OPENAI_COMPLETIONS = "OpenAICompletions"

    @property
    def is_openai(self) -> bool:
        return self in (Protocol.OPENAI_CHAT, Protocol.OPENAI_COMPLETIONS)


class TokenSecret(Model):
    """A key of a Secret in the namespace of the benchmarked model."""

    name: ObjectName = Field(description="Name of the Secret.")
    key: DataKey = Field("token", description="Key that holds the token.")


class CAConfigMap(Model):
    """A key of a ConfigMap in the namespace of the benchmarked model."""

    name: ObjectName = Field(description="Name of the ConfigMap.")
    key: DataKey = Field("ca.crt", description="Key that holds the certificates, in PEM.")


class CASecret(Model):
    """A key of a Secret in the namespace of the benchmarked model."""

    name: ObjectName = Field(description="Name of the Secret.")
    key: DataKey = Field("ca.crt", description="Key that holds the certificates, in PEM.")


_ONE_CA = "ca takes exactly one of configMap and secret"
_NOTHING_TO_VERIFY = "insecureSkipVerify trusts every certificate: leave ca and serverName out, or it out"


class CertificateAuthority(Model):
    """Who signs the server's certificate."""

    model_config = checked(Rule("has(self.configMap) != has(self.secret)", _ONE_CA))

    config_map: CAConfigMap | None = Field(None, description="The certificates are in a ConfigMap.")
    secret: CASecret | None = Field(None, description="The certificates are in a Secret.")

    @model_validator(mode="after")
    def _one(self) -> CertificateAuthority:
        if (self.config_map is None) == (self.secret is None):
            raise ValueError(_ONE_CA)
        return self


class TLS(Model):
    """The server is spoken to over TLS, and its certificate is verified."""

    model_config = checked(
        Rule(
            "!has(self.insecureSkipVerify) || !self.insecureSkipVerify || !has(self.ca) && !has(self.serverName)",
            _NOTHING_TO_VERIFY,
        )
    )

    ca: CertificateAuthority | None = Field(
        None, description="Who signs the server's certificate. Default: the authorities of the image."
    )
    server_name: (
        Annotated[
            str, StringConstraints(min_length=1, max_length=253, pattern=r"^[a-zA-Z0-9]([-.a-zA-Z0-9]*)$")
        ]
        | None
    ) = Field(
        None,
        description="Name that the server's certificate must hold, such as model.vision.svc. Default: the address "
        "of the pod, which few certificates hold.",
    )
    insecure_skip_verify: bool = Field(
        False,
        description="True: whatever certificate the server shows is taken. Anybody may be the server then.",
    )

    @model_validator(mode="after")
    def _something_to_verify(self) -> TLS:
        if self.insecure_skip_verify and (self.ca or self.server_name):
            raise ValueError(_NOTHING_TO_VERIFY)
        return self


_CREDENTIAL_HEADERS = ("authorization", "proxy-authorization", "cookie")
_OWN_HEADERS = (
    "accept", "accept-encoding", "connection", "content-encoding", "content-length", "content-type", "expect",
    "transfer-encoding", "upgrade",
)  # fmt: skip
_NO_CREDENTIAL = (
    "a profile is no place for a credential: put the token into a Secret and name it in bearerToken"
)
_SET_BY_PROTOCOL = "this header is set by the protocol"


class Header(Model):
    """A header of every request. Whoever may read profiles can read it: it is no place for a credential."""

    model_config = checked(
        Rule(f"!(self.name.lowerAscii() in {list(_CREDENTIAL_HEADERS)})", _NO_CREDENTIAL),
        Rule(f"!(self.name.lowerAscii() in {list(_OWN_HEADERS)})", _SET_BY_PROTOCOL),
    )

    name: Annotated[str, StringConstraints(pattern=r"^[-_a-zA-Z0-9]+$", min_length=1, max_length=64)] = Field(
        description="Name of the header."
    )
    value: Annotated[str, StringConstraints(pattern=r"^[ -~]*$", max_length=1024)] = Field(
        description="Its value."
    )

    @model_validator(mode="after")
    def _allowed(self) -> Header:
        if self.name.lower() in _CREDENTIAL_HEADERS:
            raise ValueError(_NO_CREDENTIAL)
        if self.name.lower() in _OWN_HEADERS:
            raise ValueError(_SET_BY_PROTOCOL)
        return self


class Parameter(Model):
    """A field of every request's body, beside the input."""

    name: Annotated[str, StringConstraints(pattern=r"^[_a-zA-Z0-9]+$", min_length=1, max_length=64)] = Field(
        description="Name of the field, such as max_tokens."
    )
    value: Annotated[str, StringConstraints(min_length=1, max_length=1024)] = Field(
        description='Its value as JSON: "128", "0.7", "true"; a string with its own quotes.'
    )
