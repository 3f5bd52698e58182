"""What an answer tells, found by the JMESPaths of the profile or of the protocol. Pure.

What the profile names must be in every answer: one without it is garbage, never a gap that looks like a good answer.
"""

from __future__ import annotations

import re
from typing import Any

import jmespath
from jmespath.visitor import TreeInterpreter

from tollgate.api.quality import SURE
from tollgate.bench.answer import NO_CLASS, OTHER, Answer
from tollgate.bench.failures import FailedError, GarbageError
from tollgate.bench.protocols.base import Reader, Spoken
from tollgate.bench.protocols.match import Classes, matcher
from tollgate.bench.protocols.same import same

_MOST_TOKENS = 100_000_000
_STAGE = re.compile(r"[-_.a-zA-Z0-9]{1,32}")
_MOST_STAGES = 999


class Fields:
    """Where things are in an answer."""

    def __init__(self, spoken: Spoken, may_quote: bool, classes: Classes) -> None:
        """Words of the server become names of exit stages only where they may be quoted."""
        profile = spoken.profile
        self._prediction = _path(profile.prediction or spoken.prediction)
        self._output = _path(profile.output_tokens or spoken.output_tokens)
        self._input = _path(profile.input_tokens or spoken.input_tokens)
        self._accepted = _path(profile.accepted)
        self._stage = _path(profile.exit_stage)
        scoring = profile.scoring
        self._confidence = _path(scoring.confidence if scoring else None)
        self._scores = [_path(score.path) for score in scoring.scores] if scoring else []
        self._same = matcher(scoring) if scoring else same
        self._classes = classes
        self._needs_output = profile.output_tokens is not None
        self._needs_input = profile.input_tokens is not None
        self._may_quote = may_quote
        self._interpreter = TreeInterpreter()  # `search` would make one per answer, each a reference cycle

    @property
    def any(self) -> bool:
        """Whether answers are asked for more than a prediction."""
        paths = (self._output, self._input, self._accepted, self._stage, self._confidence)
        return any(paths) or bool(self._classes.labels or self._scores)

    def read(self, reader: Reader, expected: Any) -> Answer:
        """What an answer tells; `expected` is None where no prediction is right or wrong. Raises FailedError."""
        try:
            document = reader.document()
            stream = reader.stream
            output = self._count(self._output, document, self._needs_output)
            if stream and output == 0:
                raise GarbageError("the answer has text, and says that it has no tokens")
            estimated = output is None and stream is not None
            prediction = self._predicted(document) if expected is not None else None
            return Answer(
                correct=expected is not None and self._same(prediction, expected),
                stream=stream,
                input_tokens=self._count(self._input, document, self._needs_input),
                output_tokens=stream.chunks if estimated and stream else output,
                estimated=estimated,
                accepted=self._flag(document),
                exit_stage=self._stage_of(document),
                confidence=self._millionths(self._confidence, document) if expected is not None else None,
                scores=tuple(self._millionths(path, document) or 0 for path in self._scores),
                predicted=self._classes.of(prediction) if expected is not None else NO_CLASS,
            )
        except FailedError:
            raise
        except Exception as error:  # whatever an answer does to an expression, it did
            raise GarbageError(f"the answer cannot be read: {type(error).__name__}", str(error)) from None

    def _predicted(self, document: Any) -> Any:
        prediction = self._find(self._prediction, document)
        if prediction is None:
            raise GarbageError(f"there is no prediction at {_written(self._prediction)}")
        return prediction

    def _count(self, path: Any, document: Any, needed: bool) -> int | None:
        value = self._find(path, document)
        if value is None and not needed:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MOST_TOKENS:
            raise GarbageError(f"there is no number of tokens at {_written(path)}")
        return value

    def _flag(self, document: Any) -> bool | None:
        if self._accepted is None:
            return None
        value = self._find(self._accepted, document)
        if not isinstance(value, bool):
            raise GarbageError(f"there is no true or false at {_written(self._accepted)}")
        return value

    def _millionths(self, path: Any, document: Any) -> int | None:
        """A number from 0 to 1 in millionths, as these add up exactly in any order; None where none is asked for."""
        if path is None:
            return None
        value = self._find(path, document)
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
            raise GarbageError(f"there is no number from 0 to 1 at {_written(path)}")
        return round(value * SURE)

    def _stage_of(self, document: Any) -> str | None:
        if self._stage is None:
            return None
        value = self._find(self._stage, document)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value) if 0 <= value <= _MOST_STAGES else OTHER
        if not isinstance(value, str):
            raise GarbageError(f"there is no number or word at {_written(self._stage)}")
        return value if self._may_quote and _STAGE.fullmatch(value) else OTHER

    def _find(self, path: Any, document: Any) -> Any:
        return self._interpreter.visit(path.parsed, document) if path is not None else None


def _path(expression: str | None) -> Any:
    return jmespath.compile(expression) if expression else None


def _written(path: Any) -> str:
    return str(path.expression)
