"""TLS and the bearer token: verified, sent to the server, and nowhere else."""

from __future__ import annotations

import asyncio
import json
import pickle
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.unit.bench.plans import CHAT, profile, stage
from tests.unit.bench.servers import RawHandler, read_request, serving, serving_raw
from tests.unit.bench.test_client import failure, post
from tollgate.api.protocol import TLS
from tollgate.api.transport import decode
from tollgate.bench.__main__ import main
from tollgate.bench.access import Access, Credentials, read_credentials
from tollgate.bench.records import Outcome

TOKEN = "sk-4f9d0c1e77aa42b6"
SECRET = {"bearerToken": {"name": "model-key"}}


class Authority:
    """A certificate authority, and a server's certificate of its for model.vision.svc."""

    def __init__(self, folder: Path) -> None:
        def openssl(*arguments: str) -> None:
            subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=ca", "-days", "2")
        openssl(
            "req", "-x509", *key, "-keyout", "tls.key", "-out", "tls.crt", "-subj", "/CN=model", "-days", "2",
            "-addext", "subjectAltName=DNS:model.vision.svc", "-addext", "basicConstraints=CA:FALSE",
            "-CA", "ca.crt", "-CAkey", "ca.key",
        )  # fmt: skip
        self.server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.server.load_cert_chain(folder / "tls.crt", folder / "tls.key")
        self.pem = (folder / "ca.crt").read_text()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def secure(authority: Authority) -> Iterator[str]:
    """A server that shows the certificate."""

    async def good(_: web.Request) -> web.Response:
        return web.Response(text="{}")

    with serving(good, authority.server) as target:
        yield target


def over_tls(ca: str = "", **fields: Any) -> Access:
    return Access("/", tls=TLS.model_validate(fields), credentials=Credentials(ca=ca))


async def test_a_server_with_the_right_certificate_is_answered_by(secure: str, authority: Authority) -> None:
    assert await post(secure, access=over_tls(authority.pem, serverName="model.vision.svc")) == b"{}"


@pytest.mark.parametrize(
    ("known", "name", "why"),
    [
        (False, "model.vision.svc", "unable to get local issuer certificate"),
        (True, "other.vision.svc", "Hostname mismatch"),
        (True, None, "IP address mismatch"),
    ],
)
async def test_any_other_is_refused_and_the_reason_said(
    secure: str, authority: Authority, known: bool, name: str | None, why: str
) -> None:
    error = await failure(secure, access=over_tls(authority.pem if known else "", serverName=name))
    assert error.outcome is Outcome.CONNECT
    assert f"not trusted: {why}" in str(error)
    assert "tls.serverName" in str(error)


async def test_it_is_not_verified_only_where_the_profile_says_so(secure: str) -> None:
    assert await post(secure, access=over_tls(insecureSkipVerify=True)) == b"{}"


async def test_a_server_without_tls_is_no_server_with_it(authority: Authority) -> None:
    async def good(_: web.Request) -> web.Response:
        return web.Response(text="{}")

    with serving(good) as target:
        error = await failure(target, access=over_tls(authority.pem, serverName="model.vision.svc"))
    assert error.outcome is Outcome.CONNECT


def test_what_is_no_certificate_is_refused() -> None:
    with pytest.raises(ValueError, match=r"what tls\.ca of the profile names holds no certificates in PEM"):
        Access.of(
            profile(tls={"ca": {"secret": {"name": "ca"}}}), "/", "*/*", Credentials(ca="not a certificate")
        )


async def test_the_token_is_sent() -> None:
    async def echo(request: web.Request) -> web.Response:
        return web.Response(text=request.headers["Authorization"])

    with serving(echo) as target:
        access = Access("/", credentials=Credentials(token=TOKEN))
        assert await post(target, access=access) == f"Bearer {TOKEN}".encode()


def test_it_is_in_no_representation() -> None:
    access = Access.of(profile(**SECRET), "/", "*/*", Credentials(token=TOKEN))
    assert access.authorized() == {"Authorization": f"Bearer {TOKEN}"}
    assert TOKEN not in f"{access!r} {access} {access.credentials!r}"
    assert pickle.loads(pickle.dumps(access)) == access


def test_a_token_that_the_profile_does_not_name_is_not_sent() -> None:
    assert Access.of(profile(), "/", "*/*", Credentials(token=TOKEN)).authorized() == {}


def test_a_profile_that_names_one_is_not_run_without() -> None:
    with pytest.raises(ValueError, match="names a bearerToken, but none was given"):
        Access.of(profile(**SECRET), "/", "*/*")
    with pytest.raises(ValueError, match=r"names a tls\.ca, but none was given"):
        Access.of(profile(tls={"ca": {"configMap": {"name": "ca"}}}), "/", "*/*")


def test_a_token_is_read_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    (tmp_path / "ca.crt").write_text("PEM")
    named = profile(**SECRET, tls={"ca": {"configMap": {"name": "ca"}}})
    read = read_credentials(named, str(tmp_path / "token"), str(tmp_path / "ca.crt"))
    assert (read.token, read.ca) == (TOKEN, "PEM")
    assert read_credentials(profile(), None, None) == Credentials()


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        (SECRET, "there is no key token of Secret model-key in this namespace, where bearerToken"),
        ({"tls": {"ca": {"configMap": {"name": "trust"}}}}, r"no key ca\.crt of ConfigMap trust in this"),
        (
            {"tls": {"ca": {"secret": {"name": "trust", "key": "root"}}}},
            "no key root of Secret trust in this",
        ),
    ],
)
def test_what_is_not_there_is_said_by_name(tmp_path: Path, fields: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        read_credentials(profile(**fields), str(tmp_path / "token"), None)


@pytest.mark.parametrize("token", ["", "\n", "two words", "a\nb", "schlüssel", "x" * 16385])
def test_a_token_that_is_no_word_is_refused_and_not_quoted(tmp_path: Path, token: str) -> None:
    (tmp_path / "token").write_text(token)
    with pytest.raises(
        ValueError, match=r"^the bearer token in key token of Secret model-key is empty"
    ) as caught:
        read_credentials(profile(**SECRET), str(tmp_path / "token"), None)
    assert not token.strip() or token.strip() not in str(caught.value)


def says(make: Callable[[str], str]) -> RawHandler:
    """A server that answers with what it makes of the Authorization header."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await read_request(reader)).decode()
        header = next(line for line in head.split("\r\n") if line.startswith("Authorization: "))
        writer.write(make(header.removeprefix("Authorization: ")).encode())
        await writer.drain()

    return handler


def answer(body: str, status: str = "200 OK", headers: str = "") -> str:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n{body}"


ECHOES: dict[str, tuple[Callable[[str], str], str]] = {
    "an error": (lambda t: answer(f'{{"error": "no such key: {t}"}}', "401 Unauthorized"), "http_4xx"),
    "a reason": (lambda t: answer("", f"500 {t}"), "http_5xx"),
    "a redirect": (lambda t: answer("", "307 Moved", f"Location: http://127.0.0.1/?key={t}\r\n"), "redirect"),
    "no HTTP": (lambda t: f"{t}\r\n\r\n", "garbage"),
    "a broken header": (lambda t: f"HTTP/1.1 200 OK\r\n{t}\r\n\r\n", "garbage"),
    "an encoding": (lambda t: answer("", headers=f"Content-Encoding: {t}\r\n"), "garbage"),
    "a chunk size": (lambda t: f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{t}\r\n", "garbage"),
    "no stream": (lambda t: answer(json.dumps({"key": t})), "garbage"),
    "a broken chunk": (lambda t: answer(f"data: {t}\n\n"), "garbage"),
    "an error in the stream": (lambda t: answer(f'data: {{"error": "{t}"}}\n\n'), "server_error"),
    "a finish reason": (
        lambda t: answer(
            f'data: {{"choices": [{{"delta": {{"content": "{t}"}}, "finish_reason": "abort"}}]}}\n\n'
            "data: [DONE]\n\n"
        ),
        "cancelled",
    ),
    "an exit stage": (
        lambda t: answer(
            f'data: {{"choices": [{{"delta": {{"content": "{t}"}}}}], "usage": {{"completion_tokens": 1}}}}\n\n'
            "data: [DONE]\n\n"
        ),
        "",
    ),
    "a number of tokens": (
        lambda t: answer(
            'data: {"choices": [{"delta": {"content": "a"}}], "usage": {"completion_tokens": "TOKEN"}}\n\n'
            "data: [DONE]\n\n".replace("TOKEN", t)
        ),
        "garbage",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("make", "kind"), ECHOES.values(), ids=ECHOES)
def test_a_server_that_says_the_token_cannot_make_us_say_it(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], make: Callable[[str], str], kind: str
) -> None:
    """Neither the result, nor a message, nor the log holds it."""
    spoken = profile(
        **CHAT, **SECRET, exitStage="choices[0].message.content", stages=[stage(rate="5req/s").dump()]
    )
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "inputs.json").write_text('{"items": [{"input": "hello", "expected": "hi"}]}')
    with serving_raw(says(make)) as target:
        plan = {"profile": spoken.dump(), "limits": ["1s"], "targets": [target]}
        (tmp_path / "plan.json").write_text(json.dumps(plan))
        files = {"plan": "plan.json", "dataset": "inputs.json", "token": "token", "output": "result"}
        arguments = [word for name, file in files.items() for word in (f"--{name}", str(tmp_path / file))]
        assert main(arguments) == 0
    message = (tmp_path / "result").read_text()
    result = decode(message)
    (measured,) = result.stages
    assert measured.error_kinds == ({kind: 5} if kind else {})
    assert set(measured.error_examples) == set(measured.error_kinds)
    log = capfd.readouterr()
    assert "steady: done" in log.err
    for text in (message, json.dumps(result.dump()), log.out, log.err, json.dumps(plan)):
        assert TOKEN not in text
        assert "sk-4f" not in text


def test_without_a_token_the_servers_words_are_told(tmp_path: Path) -> None:
    async def refuses(_: web.Request) -> web.Response:
        return web.Response(status=404, text="model not found")

    (tmp_path / "inputs.json").write_text('{"items": [{"input": "hello"}]}')
    with serving(refuses) as target:
        plan = {"profile": profile(**CHAT, stages=[stage(rate="2req/s").dump()]).dump(), "targets": [target]}
        (tmp_path / "plan.json").write_text(json.dumps(plan))
        files = {"plan": "plan.json", "dataset": "inputs.json", "output": "result"}
        assert main([word for name, f in files.items() for word in (f"--{name}", str(tmp_path / f))]) == 0
    (measured,) = decode((tmp_path / "result").read_text()).stages
    assert measured.error_examples == {"http_4xx": "HTTP 404: model not found"}
