"""How a pod's part of a benchmark travels: as `transport` sends a result, in at most 4096 bytes.

Counts and sums always travel whole. What shrinks is how finely latencies and time are told apart: bins are joined in
pairs, then blocks, and a warm-up's first. Joining is exact, so parts of different fineness can still be put together.
"""

from __future__ import annotations

from collections.abc import Iterator

from tollgate.api.parts import BenchmarkPart, PartBlock, StagePart
from tollgate.api.sketch import pairs
from tollgate.api.transport import LIMIT, merge_pairs, pack, unpack, write_bins

PREFIX = "tollgate-benchmark-part/1:"

_COARSEST = 1.5  # a growth beyond it says too little about any latency
_SHORT_TEXT, _SHORT_EXAMPLE = 200, 80  # characters that are kept when room is short


def encode_part(part: BenchmarkPart) -> str:
    """The part as text of at most 4096 bytes. ValueError when even its coarsest form does not fit."""
    for candidate in _coarser_and_coarser(part):
        text = pack(candidate, PREFIX)
        if len(text) <= LIMIT:
            return text
    raise ValueError(
        f"what the pod measured does not fit into {LIMIT} bytes: use fewer stages in the profile, fewer limits or "
        "one pod"
    )


def decode_part(text: str) -> BenchmarkPart:
    """The part in a termination message. ValueError, one sentence, when there is none."""
    return unpack(text, PREFIX, BenchmarkPart)


def coarser(stage: StagePart) -> StagePart:
    """The same share with its bins joined in pairs: their growth (to six decimals) squared."""
    blocks = [
        block.model_copy(update={"bins": write_bins(merge_pairs(dict(pairs(block.bins))))})
        for block in stage.blocks
    ]
    return stage.model_copy(update={"growth": f"{float(stage.growth) ** 2:.6f}", "blocks": blocks})


def longer(stage: StagePart) -> StagePart:
    """The same share with its blocks joined in pairs, or in one where their number is odd."""
    each = 2 if len(stage.blocks) % 2 == 0 else len(stage.blocks)
    joined = [join(stage.blocks[i : i + each]) for i in range(0, len(stage.blocks), each)]
    return stage.model_copy(update={"blocks": joined})


def join(blocks: list[PartBlock]) -> PartBlock:
    """Blocks of the same growth as one: of neighbouring stretches of time, or of the same one in several pods."""
    bins: dict[int, int] = {}
    for block in blocks:
        for index, count in pairs(block.bins):
            bins[index] = bins.get(index, 0) + count
    return PartBlock(
        answered=sum(block.answered for block in blocks),
        sum=sum(block.sum for block in blocks),
        bins=write_bins(bins),
    )


def _coarser_and_coarser(part: BenchmarkPart) -> Iterator[BenchmarkPart]:
    yield part
    for shrink in (
        _one_coarse_block_of_warm_up,
        _with_short_texts,
        coarser,
        coarser,
        coarser,
        longer,
        coarser,
        longer,
        _without_examples,
        _without_steady,
        longer,
        coarser,
        coarser,
        coarser,
        coarser,
        _without_quality,
    ):
        stages = [stage if _coarsest(stage, shrink is coarser) else shrink(stage) for stage in part.stages]
        part = part.model_copy(update={"stages": stages})
        yield part


def _coarsest(stage: StagePart, asked: bool) -> bool:
    return asked and float(stage.growth) ** 2 > _COARSEST


def _one_coarse_block_of_warm_up(stage: StagePart) -> StagePart:
    if not stage.warm_up:
        return stage
    while len(stage.blocks) > 1:
        stage = longer(stage)
    while not _coarsest(stage, True):
        stage = coarser(stage)
    return stage


def _with_short_texts(stage: StagePart) -> StagePart:
    examples = {kind: example[:_SHORT_EXAMPLE] for kind, example in stage.error_examples.items()}
    limited = stage.client_limited[:_SHORT_TEXT]
    return stage.model_copy(update={"client_limited": limited, "error_examples": examples})


def _without_steady(stage: StagePart) -> StagePart:
    return stage.model_copy(update={"steady": None})


def _without_quality(stage: StagePart) -> StagePart:
    """The last resort: of all pods together they are not known then."""
    over = [limit.model_copy(update={"correct": None}) for limit in stage.over_limit]
    return stage.model_copy(update={"quality": None, "over_limit": over})


def _without_examples(stage: StagePart) -> StagePart:
    return stage.model_copy(update={"error_examples": {}})
