"""The one interface behind which every protocol is: what is sent for an input, and how its answer is read. Pure."""

from __future__ import annotations

import json
from typing import Any, Protocol

from tollgate.api.profiles import BenchmarkProfileSpec
from tollgate.bench.answer import Stream
from tollgate.bench.failures import GarbageError

MAX_ANSWER = 4 * 1024 * 1024  # bytes of an answer that is one document


class Reader(Protocol):
    """Takes one answer as it comes in, then says what it was."""

    most: int  # bytes of an answer that are read

    def feed(self, part: bytes, at: float) -> None:
        """The next bytes, and when they came. FailedError when it is clear that this is no good answer."""

    def document(self) -> Any:
        """The whole answer as JSON. FailedError when it is not whole, or none."""

    @property
    def stream(self) -> Stream | None:
        """When its tokens came; None of an answer that came in one piece."""


class Whole:
    """Reads an answer that is one JSON document."""

    most = MAX_ANSWER
    stream = None

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def feed(self, part: bytes, at: float) -> None:
        self._parts.append(part)

    def document(self) -> Any:
        answer = b"".join(self._parts)
        try:
            return json.loads(answer)
        except (ValueError, RecursionError) as error:
            said = answer[:1000].decode(errors="replace")
            raise GarbageError(f"the answer is no JSON ({type(error).__name__})", said) from None


class Spoken:
    """A protocol, as one profile has it spoken. The classes that inherit from it are the protocols."""

    accept = "application/json"
    prediction: str  # JMESPaths in the answer; "" where there is no such thing in every answer
    output_tokens = ""
    input_tokens = ""

    def __init__(self, profile: BenchmarkProfileSpec) -> None:
        """ValueError names a parameter that is no JSON."""
        self.profile = profile
        self.parameters = {parameter.name: _json(parameter) for parameter in profile.parameters}

    @property
    def path(self) -> str:
        """Where requests are posted to."""
        raise NotImplementedError

    def body(self, value: Any) -> bytes:
        """The request for an input. ValueError when the protocol cannot carry it."""
        raise NotImplementedError

    def reader(self) -> Reader:
        """What reads one answer."""
        return Whole()


def compact(document: Any) -> bytes:
    """JSON without spaces."""
    return json.dumps(document, separators=(",", ":"), allow_nan=False).encode()


def _json(parameter: Any) -> Any:
    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is no JSON number")

    try:
        return json.loads(parameter.value, parse_constant=refuse)
    except (ValueError, RecursionError):
        raise ValueError(
            f"parameter {parameter.name} is no JSON: write a number as it is, and a string with its own quotes"
        ) from None
