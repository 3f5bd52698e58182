"""How a benchmark's result travels: as text of at most 4096 bytes, the container's termination message.

The load generator encodes, the operator decodes; neither imports the other. Exact counts, quantiles and rates
always travel whole; the sketches, the blocks, the quantiles' spread, the client's vitals, examples of errors, long
texts and the times of steady parts shrink until the rest fits. A termination message is untrusted input, so `decode`
bounds what it unpacks and answers anything odd with one sentence.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from pydantic import ValidationError

from tollgate.api import canonical, units
from tollgate.api.answers import StreamResult
from tollgate.api.base import Model
from tollgate.api.benchmark import BenchmarkResult, Block, StageResult
from tollgate.api.sketch import Sketch, pairs

Document = TypeVar("Document", bound=Model)

LIMIT = 4096  # bytes: what the kubelet keeps of a termination message
PREFIX = "tollgate-benchmark/1:"
ERROR_PREFIX = "tollgate-error: "

_UNPACKED = 256 * 1024  # bytes of JSON: 8 stages at every bound of the model stay below
_SENTENCE = 1024  # characters of an error: what a condition's message holds
_WIDEST_GROWTH = 1.5  # a wider sketch says too little to be worth its bytes
_SHORT_TEXT, _SHORTEST_TEXT = 200, 30  # characters of client_limited that are kept when room is short
_SHORT_EXAMPLE = 80
_TOKEN_TIMES = tuple(name for name, field in StreamResult.model_fields.items() if field.default is None)


def encode(result: BenchmarkResult) -> str:
    """The result as text of at most 4096 bytes. ValueError when even its exact counts do not fit.

    They fit for 8 stages with 16 limits each, or 5 whose load a baseline met in turn, when the stages share their
    limits and the numbers have four significant digits, as those of the load generator do.
    """
    for candidate in _smaller_and_smaller(result):
        text = pack(candidate, PREFIX)
        if len(text) <= LIMIT:
            return text
    raise ValueError(
        f"the result does not fit into {LIMIT} bytes: use fewer stages in the profile or fewer limits"
    )


def encode_error(sentence: str) -> str:
    """The text that stands for a benchmark without a result: at most 4096 bytes."""
    return (ERROR_PREFIX + _clean(sentence)).encode()[:LIMIT].decode(errors="ignore")


def decode(text: str) -> BenchmarkResult:
    """The result in a termination message. Without one: ValueError, a sentence of at most 1024 characters."""
    return unpack(text, PREFIX, BenchmarkResult)


def unpack(text: str, prefix: str, kind: type[Document]) -> Document:
    """What `pack` packed, of an untrusted text. ValueError, one sentence, if there is none."""
    text = text.strip()
    if text.startswith(ERROR_PREFIX.strip()):
        raise ValueError(
            _clean(text[len(ERROR_PREFIX.strip()) :]) or "the load generator failed without a reason"
        )
    if not text:
        raise ValueError("the load generator left no result: it was killed, or ran out of memory")
    if len(text) > LIMIT:
        raise ValueError(f"the result has {len(text)} bytes, more than the {LIMIT} of a termination message")
    if not text.startswith(prefix):
        raise ValueError(f"the termination message is no benchmark result: it does not start with {prefix}")
    document = _unpack(text[len(prefix) :])
    try:
        return kind.model_validate_json(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "document"
        raise ValueError(_clean(f"the result is not plausible: {where}: {first['msg']}")) from None


def digest(model: Model) -> str:
    """`sha256:...` of a model's canonical JSON: equal specs give equal digests, whoever computes them.

    What equals its default is left out, so that a field added later does not change the digest of an old spec.
    """
    return canonical.digest(model.model_dump(mode="json", by_alias=True, exclude_defaults=True))


def coarsen(sketch: Sketch) -> Sketch:
    """The same distribution with half as many bins, its growth (to six decimals) squared."""
    merged = merge_pairs(dict(read_bins(sketch)))
    return Sketch(growth=f"{float(sketch.growth) ** 2:.6f}", bins=write_bins(merged))


def merge_pairs(bins: Mapping[int, int]) -> dict[int, int]:
    """Bins 2i-1 and 2i of growth g, as bin i of growth g squared: exactly the same stretch of latencies."""
    merged: dict[int, int] = {}
    for index, count in bins.items():
        merged[(index + 1) // 2] = merged.get((index + 1) // 2, 0) + count
    return merged


def read_bins(sketch: Sketch) -> list[tuple[int, int]]:
    """(index, count) of each bin of a sketch, in its order."""
    return pairs(sketch.bins)


def write_bins(bins: Mapping[int, int]) -> str:
    """Bins as a `Sketch` holds them: index:count, ascending."""
    return ",".join(f"{index}:{bins[index]}" for index in sorted(bins))


def _smaller_and_smaller(result: BenchmarkResult) -> Iterator[BenchmarkResult]:
    """The result whole, then with less and less of what no exact count depends on, the least useful first."""
    yield result
    for shrink in (
        _without_warm_up_detail,
        _with_coarser_token_sketches,
        _with_short_texts,
        _without_client,
        *(_with_coarser_sketch, _with_coarser_token_sketches) * 3,
        _without_variability,
        _without_token_sketches,
        _with_half_the_blocks,
        _without_steady,
        _without_sketch,
        _without_examples,
        _with_half_the_blocks,
        _without_spread,
        _without_blocks,
        _with_shortest_texts,
        _without_quality,
    ):
        result = result.model_copy(update={"stages": [shrink(stage) for stage in result.stages]})
        yield result


def _without_warm_up_detail(stage: StageResult) -> StageResult:
    if not stage.warm_up:
        return stage
    for shrink in (
        _without_token_sketches,
        _without_blocks,
        _without_spread,
        _without_sketch,
        _without_client,
        _without_quality,
    ):
        stage = shrink(stage)
    return stage


def _without_token_sketches(stage: StageResult) -> StageResult:
    return _with_token_sketches(stage, lambda _: None)


def _with_coarser_token_sketches(stage: StageResult) -> StageResult:
    return _with_token_sketches(stage, _coarser)


def _with_token_sketches(stage: StageResult, change: Callable[[Sketch], Sketch | None]) -> StageResult:
    if stage.stream is None:
        return stage
    times = {
        name: value.model_copy(update={"sketch": change(value.sketch)})
        for name in _TOKEN_TIMES
        if (value := getattr(stage.stream, name)) is not None and value.sketch is not None
    }
    return stage.model_copy(update={"stream": stage.stream.model_copy(update=times)})


def _with_short_texts(stage: StageResult) -> StageResult:
    examples = {kind: example[:_SHORT_EXAMPLE] for kind, example in stage.error_examples.items()}
    return stage.model_copy(
        update={
            "client_limited": stage.client_limited[:_SHORT_TEXT],
            "growth": stage.growth[:_SHORT_TEXT],
            "error_examples": examples,
        }
    )


def _without_client(stage: StageResult) -> StageResult:
    return stage.model_copy(update={"client": None})


def _with_shortest_texts(stage: StageResult) -> StageResult:
    return stage.model_copy(
        update={
            "client_limited": stage.client_limited[:_SHORTEST_TEXT],
            "growth": stage.growth[:_SHORTEST_TEXT],
        }
    )


def _without_quality(stage: StageResult) -> StageResult:
    """The last resort: what needs these counts is Inconclusive then, and everything else is as it was."""
    over = [limit.model_copy(update={"correct": None}) for limit in stage.over_limit]
    return stage.model_copy(update={"quality": None, "over_limit": over})


def _without_examples(stage: StageResult) -> StageResult:
    return stage.model_copy(update={"error_examples": {}})


def _with_coarser_sketch(stage: StageResult) -> StageResult:
    return stage.model_copy(update={"sketch": _coarser(stage.sketch)})


def _coarser(sketch: Sketch) -> Sketch:
    return sketch if float(sketch.growth) ** 2 > _WIDEST_GROWTH else coarsen(sketch)


def _without_sketch(stage: StageResult) -> StageResult:
    return stage.model_copy(update={"sketch": Sketch(growth=stage.sketch.growth, bins="")})


def _without_variability(stage: StageResult) -> StageResult:
    return stage.model_copy(update={"variability": None})


def _without_spread(stage: StageResult) -> StageResult:
    return stage.model_copy(update={"spread": None})


def _without_steady(stage: StageResult) -> StageResult:
    return stage.model_copy(update={"steady": None})


def _with_half_the_blocks(stage: StageResult) -> StageResult:
    pairs = [stage.blocks[i : i + 2] for i in range(0, len(stage.blocks), 2)]
    return stage.model_copy(update={"blocks": [_join(pair) for pair in pairs]})


def _without_blocks(stage: StageResult) -> StageResult:
    return stage.model_copy(update={"blocks": []})


def _join(blocks: list[Block]) -> Block:
    requests = sum(block.requests for block in blocks)
    if len(blocks) == 1 or requests == 0:
        return blocks[0].model_copy(update={"requests": requests})
    total = sum(block.requests * units.parse_duration(block.mean) for block in blocks)
    return Block(requests=requests, mean=units.format_duration(total / requests))


def pack(document: Model, prefix: str) -> str:
    """A document as text: its JSON without defaults, compressed, in base64, behind the prefix."""
    plain = json.dumps(
        document.model_dump(mode="json", by_alias=True, exclude_defaults=True),
        separators=(",", ":"),
        ensure_ascii=False,
    )
    return prefix + base64.b64encode(zlib.compress(plain.encode(), 9)).decode()


def _unpack(packed: str) -> bytes:
    try:
        compressed = base64.b64decode(packed, validate=True)
        unpacker = zlib.decompressobj()
        document = unpacker.decompress(compressed, _UNPACKED)
    except (binascii.Error, ValueError, zlib.error):
        raise ValueError("the result is damaged: it is not compressed JSON") from None
    if unpacker.unconsumed_tail:
        raise ValueError(f"the result unpacks to more than {_UNPACKED} bytes")
    if not unpacker.eof or unpacker.unused_data:
        raise ValueError("the result is damaged: it is cut off, or followed by something else")
    return document


def _clean(sentence: str) -> str:
    """One line of printable characters, as it may stand in a condition."""
    line = " ".join("".join(c if c.isprintable() else " " for c in sentence).split())
    return line[:_SENTENCE]
