"""The requests of one profile over one dataset: where they go, their bodies, and how their answers are read.

Bodies are made once, before the load starts, so that no stage pays for making them. Pure: no network here.
"""

from __future__ import annotations

from tollgate.api.profiles import BenchmarkProfileSpec
from tollgate.api.protocol import Protocol
from tollgate.bench.access import NO_CREDENTIALS, Access, Credentials
from tollgate.bench.answer import NO_CLASS, Answer
from tollgate.bench.dataset import Dataset
from tollgate.bench.inputs import check_mix
from tollgate.bench.protocols.base import Reader, Spoken
from tollgate.bench.protocols.fields import Fields
from tollgate.bench.protocols.http_json import PlainJSON
from tollgate.bench.protocols.match import Classes
from tollgate.bench.protocols.open_inference import OpenInference
from tollgate.bench.protocols.openai_chat import OpenAIChat
from tollgate.bench.protocols.openai_completions import OpenAICompletions
from tollgate.bench.told import Asked

_PROTOCOLS: dict[Protocol, type[Spoken]] = {
    Protocol.OPEN_INFERENCE: OpenInference,
    Protocol.JSON: PlainJSON,
    Protocol.OPENAI_CHAT: OpenAIChat,
    Protocol.OPENAI_COMPLETIONS: OpenAICompletions,
}


class Requests:
    """A body for each item, and what tells whether its answer is right."""

    def __init__(
        self, profile: BenchmarkProfileSpec, dataset: Dataset, credentials: Credentials = NO_CREDENTIALS
    ) -> None:
        """ValueError names the first item that the protocol cannot carry, or the credential that is missing."""
        self.dataset = dataset.digest
        self._spoken = _PROTOCOLS[profile.protocol](profile)
        self.access = Access.of(profile, self._spoken.path, self._spoken.accept, credentials)
        self.bodies = [_body(self._spoken, number, item.input) for number, item in enumerate(dataset.items)]
        self.groups = [item.group for item in dataset.items]
        check_mix(profile.stages, self.groups)
        self.scored = [item.expected is not None for item in dataset.items]
        self._expected = [item.expected for item in dataset.items]
        classes = Classes(profile.scoring, self._expected)
        self.classes = [NO_CLASS if value is None else classes.of(value) for value in self._expected]
        scoring = profile.scoring
        sure = scoring is not None and scoring.confidence is not None
        scores = tuple(score.name for score in scoring.scores) if scoring else ()
        self.asked = Asked(classes.labels, classes.all, classes.positive, sure, scores)
        self._fields = Fields(self._spoken, self.access.may_quote, classes)

    def __len__(self) -> int:
        return len(self.bodies)

    @property
    def tell_more(self) -> bool:
        """Whether answers tell more than a prediction: when tokens came, how many, what became of it."""
        return self._fields.any

    def reader(self) -> Reader:
        """What reads the next answer."""
        return self._spoken.reader()

    def read(self, item: int, reader: Reader) -> Answer:
        """What the answer to an item tells. Raises FailedError."""
        return self._fields.read(reader, self._expected[item])


def _body(spoken: Spoken, number: int, value: object) -> bytes:
    try:
        return spoken.body(value)
    except ValueError as error:
        raise ValueError(f"items[{number}] of the dataset: {error}") from None
