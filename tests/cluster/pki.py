"""Makes the cluster's small certificate authority, the certificates it signs, and kubeconfigs that embed them.

The keys never leave the user's cache folder; they are worth nothing outside this cluster.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from pathlib import Path

from tests.cluster import paths
from tests.cluster.shell import run

DAYS = "3650"


class Authority:
    """A certificate authority in a folder. Files that exist are kept: certificates survive a restart."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self.certificate, self.key = self.pair("ca")
        if not self.certificate.exists():
            # fmt: off
            run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                 "-days", DAYS, "-subj", "/CN=tollgate-cluster",
                 "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
                 "-keyout", str(self.key), "-out", str(self.certificate)])
            # fmt: on

    def pair(self, name: str) -> tuple[Path, Path]:
        """Where the certificate and the key of that name lie."""
        return self._folder / f"{name}.crt", self._folder / f"{name}.key"

    def issue(
        self, name: str, common_name: str, organization: str = "", hosts: Sequence[str] = ()
    ) -> tuple[Path, Path]:
        """Issues a certificate for a client, and for a server if `hosts` (names or IP addresses) are given.

        Returns the paths of the certificate and of its key.
        """
        certificate, key = self.pair(name)
        if certificate.exists():
            return certificate, key
        request, extensions = certificate.with_suffix(".csr"), certificate.with_suffix(".ext")
        subject = (f"/O={organization}" if organization else "") + f"/CN={common_name}"
        names = ",".join(f"IP:{host}" if host.replace(".", "").isdigit() else f"DNS:{host}" for host in hosts)
        extensions.write_text(
            "basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\n"
            f"extendedKeyUsage=clientAuth{',serverAuth' if hosts else ''}\n"
            + (f"subjectAltName={names}\n" if hosts else "")
        )
        # fmt: off
        run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-subj", subject, "-keyout", str(key), "-out", str(request)])
        run(["openssl", "x509", "-req", "-in", str(request), "-days", DAYS, "-extfile", str(extensions),
             "-CA", str(self.certificate), "-CAkey", str(self.key), "-CAcreateserial", "-out", str(certificate)])
        # fmt: on
        return certificate, key

    def signing_key(self, name: str) -> Path:
        """An RSA key, the kind that signs service-account tokens."""
        key = self._folder / f"{name}.key"
        if not key.exists():
            run(["openssl", "genrsa", "-out", str(key), "2048"])
        return key

    def kubeconfig(self, path: Path, server: str, common_name: str, organization: str = "") -> Path:
        """Writes a kubeconfig (JSON is YAML) for a client with its own certificate."""
        certificate, key = self.issue(path.stem, common_name, organization)
        paths.write(
            path,
            json.dumps(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "clusters": [
                        {
                            "name": "tollgate",
                            "cluster": {
                                "server": server,
                                "certificate-authority-data": _encoded(self.certificate),
                            },
                        }
                    ],
                    "users": [
                        {
                            "name": "tollgate",
                            "user": {
                                "client-certificate-data": _encoded(certificate),
                                "client-key-data": _encoded(key),
                            },
                        }
                    ],
                    "contexts": [
                        {"name": "tollgate", "context": {"cluster": "tollgate", "user": "tollgate"}}
                    ],
                    "current-context": "tollgate",
                },
                indent=1,
            ),
            mode=0o600,
        )
        return path


def _encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
