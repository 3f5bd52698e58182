"""How the targets are reached: path, headers, TLS, time-outs, and the credential that is sent to them.

The token is read from its file and goes nowhere but into the header: no message, log or result holds it.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tollgate.api.profiles import BenchmarkProfileSpec
from tollgate.api.protocol import TLS

_TOKEN = re.compile(r"[!-~]{1,16384}")


@dataclass(frozen=True)
class Credentials:
    """What is mounted beside the plan: the token, and the authorities in PEM; each empty where there is none."""

    token: str = field(default="", repr=False)
    ca: str = field(default="", repr=False)

    def hide(self, text: str) -> str:
        """A text of unknown origin, without the token."""
        return text.replace(self.token, "[token]") if self.token else text


NO_CREDENTIALS = Credentials()


@dataclass(frozen=True)
class Access:
    """How each request is sent. It can be pickled; the TLS context that is made of it cannot."""

    path: str
    accept: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    tls: TLS | None = None
    connect_timeout: float | None = None  # seconds
    idle_timeout: float | None = None  # seconds
    credentials: Credentials = NO_CREDENTIALS

    @classmethod
    def of(
        cls, profile: BenchmarkProfileSpec, path: str, accept: str, credentials: Credentials = NO_CREDENTIALS
    ) -> Access:
        """ValueError when the profile names a credential that is not there, or that cannot be used."""
        if profile.bearer_token and not credentials.token:
            raise ValueError("the profile names a bearerToken, but none was given")
        if profile.tls and profile.tls.ca and not credentials.ca:
            raise ValueError("the profile names a tls.ca, but none was given")
        access = cls(
            path=path,
            accept=accept,
            headers={header.name: header.value for header in profile.headers},
            tls=profile.tls,
            connect_timeout=profile.connect_timeout_seconds,
            idle_timeout=profile.idle_timeout_seconds,
            credentials=credentials if profile.bearer_token else Credentials(ca=credentials.ca),
        )
        access.tls_context()
        return access

    @property
    def may_quote(self) -> bool:
        """Whether what a server says may be repeated: a server that was sent a token may say it."""
        return not self.credentials.token

    @property
    def server_name(self) -> str | None:
        return self.tls.server_name if self.tls else None

    def authorized(self) -> dict[str, str]:
        """All headers but those of the protocol."""
        token = self.credentials.token
        return {**self.headers, **({"Authorization": f"Bearer {token}"} if token else {})}

    def tls_context(self) -> ssl.SSLContext | None:
        """What verifies the server; None for plain HTTP. ValueError when the authorities are no certificates."""
        if self.tls is None:
            return None
        try:
            context = ssl.create_default_context(cadata=self.credentials.ca or None)
        except (ssl.SSLError, ValueError):
            raise ValueError("what tls.ca of the profile names holds no certificates in PEM") from None
        if self.tls.insecure_skip_verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


def read_credentials(
    profile: BenchmarkProfileSpec, token_file: str | None, ca_file: str | None
) -> Credentials:
    """Read what the profile names from the files; ValueError says which object lacks what. It quotes no content."""
    token = ca = ""
    if profile.bearer_token:
        where = f"key {profile.bearer_token.key} of Secret {profile.bearer_token.name}"
        token = _read(token_file, "bearer token", where, "bearerToken").strip()
        if not _TOKEN.fullmatch(token):
            raise ValueError(
                f"the bearer token in {where} is empty, too long or not one word of printable ASCII"
            )
    if profile.tls and profile.tls.ca:
        authority = profile.tls.ca
        kind, source = (
            ("ConfigMap", authority.config_map) if authority.config_map else ("Secret", authority.secret)
        )
        assert source is not None  # the model takes exactly one
        ca = _read(
            ca_file,
            "authorities of the server's certificate",
            f"key {source.key} of {kind} {source.name}",
            "tls.ca",
        )
    return Credentials(token, ca)


def _read(path: str | None, what: str, where: str, field_name: str) -> str:
    try:
        return Path(path or "").read_text(encoding="ascii", errors="replace")
    except OSError:
        raise ValueError(
            f"the {what} cannot be read: there is no {where} in this namespace, where {field_name} of the profile "
            "says that it is. Create it"
        ) from None
