"""What chat and completions of OpenAI's API have in common: the body, the stream of chunks, and errors within. Pure.

https://platform.openai.com/docs/api-reference. A stream ends with [DONE]; one that ends without it was cut off. An
answer without a token is counted as empty: it has no time to the first token, and is nobody's quick success.
"""

from __future__ import annotations

import json
from array import array
from typing import Any

from tollgate.api.profiles import BenchmarkProfileSpec
from tollgate.bench.answer import Stream
from tollgate.bench.failures import FailedError, GarbageError
from tollgate.bench.protocols.base import MAX_ANSWER, Reader, Spoken, Whole, compact
from tollgate.bench.protocols.sse import Event, EventStream
from tollgate.bench.records import Outcome

_MOST_OF_A_STREAM = 8 * MAX_ANSWER  # bytes; a chunk of one token has some 250 around it
_MOST_HELD = 1024 * 1024  # bytes of an event, and characters of all text: many streams are read at once
_BROKEN_OFF = ("abort", "cancelled", "error")  # finish_reason of servers that gave a request up


class OpenAI(Spoken):
    """POST {model, ...parameters, ...input} to the path of the endpoint."""

    output_tokens = "usage.completion_tokens"
    input_tokens = "usage.prompt_tokens"
    endpoint: str

    def __init__(self, profile: BenchmarkProfileSpec) -> None:
        super().__init__(profile)
        self.accept = "text/event-stream" if profile.stream else "application/json"

    @property
    def path(self) -> str:
        return self.profile.path or self.endpoint

    def body(self, value: Any) -> bytes:
        streaming = {"stream": True, "stream_options": {"include_usage": True}} if self.profile.stream else {}
        return compact({**self.parameters, **self.asked(value), "model": self.profile.model, **streaming})

    def reader(self) -> Reader:
        return ChunkReader(self) if self.profile.stream else DocumentReader(self)

    def asked(self, value: Any) -> dict[str, Any]:
        """The fields of the body that an input of the dataset stands for. ValueError when it stands for none."""
        raise NotImplementedError

    def new_text(self, choice: dict[str, Any]) -> tuple[str, bool]:
        """The text that a chunk's choice adds, and whether it holds a token at all (of a tool call, say)."""
        raise NotImplementedError

    def document(self, text: str, finish_reason: Any, usage: Any) -> dict[str, Any]:
        """The answer that the server would have given in one piece."""
        raise NotImplementedError

    def is_empty(self, choice: dict[str, Any]) -> bool:
        """Whether a choice of an answer in one piece holds nothing that was generated."""
        raise NotImplementedError


class ChunkReader:
    """Reads a stream of chunks, and remembers when those with tokens came."""

    most = _MOST_OF_A_STREAM

    def __init__(self, spoken: OpenAI) -> None:
        self._spoken = spoken
        self._events = EventStream()
        self._begin = b""  # of the answer: what to show of one that is no stream
        self._seen = False
        self._done = False
        self._text: list[str] = []
        self._length = 0
        self._finish_reason: Any = None
        self._usage: Any = None
        self._first = self._last = 0.0
        self._gaps = array("d")

    def feed(self, part: bytes, at: float) -> None:
        if not self._seen:
            self._begin = (self._begin + part)[:1000]
        for event in self._events.feed(part):
            self._seen = True
            if not self._done:
                self._take(event, at)
        if self._events.held > _MOST_HELD:
            raise GarbageError(f"an event of the stream is longer than {_MOST_HELD} bytes")
        if self._length > _MOST_HELD:
            raise GarbageError(f"the text of the stream is longer than {_MOST_HELD} characters")

    def document(self) -> Any:
        if not self._seen:
            raise GarbageError("the answer is no event stream", self._begin.decode(errors="replace"))
        if not self._done:
            raise FailedError(Outcome.CANCELLED, "the stream ended before its [DONE]")
        if self._finish_reason in _BROKEN_OFF:
            raise FailedError(Outcome.CANCELLED, "the server gave the request up", str(self._finish_reason))
        if not self._first:
            raise FailedError(Outcome.EMPTY, "the stream ended without a token")
        return self._spoken.document("".join(self._text), self._finish_reason, self._usage)

    @property
    def stream(self) -> Stream | None:
        return Stream(self._first, self._last, self._gaps)

    def _take(self, event: Event, at: float) -> None:
        if event.data == b"[DONE]":
            self._done = True
            return
        try:
            chunk = json.loads(event.data)
            _raise_reported(chunk, event.type == b"error")
            self._usage = chunk.get("usage") or self._usage
            for choice in chunk.get("choices") or ():
                text, token = self._spoken.new_text(choice)
                self._finish_reason = choice.get("finish_reason") or self._finish_reason
                if token:
                    self._text.append(text)
                    self._length += len(text)
                    self._tick(at)
        except FailedError:
            raise
        except Exception as error:  # whatever a chunk does to what reads it, it did
            said = event.data[:1000].decode(errors="replace")
            raise GarbageError(
                f"a chunk of the stream cannot be read ({type(error).__name__})", said
            ) from None

    def _tick(self, at: float) -> None:
        if self._first:
            self._gaps.append(at - self._last)
        else:
            self._first = at
        self._last = at


class DocumentReader(Whole):
    """Reads an answer that comes in one piece."""

    def __init__(self, spoken: OpenAI) -> None:
        super().__init__()
        self._spoken = spoken

    def document(self) -> Any:
        document = super().document()
        try:
            _raise_reported(document, False)
            (choice,) = document["choices"]
            if choice.get("finish_reason") in _BROKEN_OFF:
                raise FailedError(Outcome.CANCELLED, "the server gave the request up")
            if self._spoken.is_empty(choice):
                raise FailedError(Outcome.EMPTY, "the answer has no token")
        except FailedError:
            raise
        except Exception as error:
            raise GarbageError(
                f"the answer is not of this protocol ({type(error).__name__})", str(document)[:1000]
            ) from None
        return document


def words(*values: Any) -> str:
    """The texts among the values, joined; None is none. TypeError for anything else."""
    return "".join(value for value in values if value is not None)


def _raise_reported(document: Any, is_error: bool) -> None:
    """An error in the place of an answer or a chunk. AttributeError when the document is no object."""
    if is_error or document.get("error"):
        raise FailedError(
            Outcome.SERVER_ERROR,
            "the server reported an error in its answer",
            compact(document).decode()[:1000],
        )
