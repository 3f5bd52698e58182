"""Which input each request of a stage carries: all alike, or a mix of groups. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tollgate.api.load import LoadStage


def check_mix(stages: Sequence[LoadStage], groups: Sequence[str]) -> None:
    """ValueError unless the dataset, with these groups of its items, has what the stages ask for."""
    for stage in stages:
        missing = [part.group for part in stage.mix or () if part.group not in groups]
        if missing:
            known = ", ".join(sorted({group for group in groups if group})) or "none"
            raise ValueError(
                f"stage {stage.name} asks for inputs of the group {missing[0]}, and the dataset has no item with it "
                f"(its groups: {known})"
            )
        if stage.mix and _left(stage) > 0 and not len(_pools(stage, groups)[-1]):
            raise ValueError(
                f"the mix of stage {stage.name} leaves {_left(stage):.0%} to inputs of other groups, and the dataset "
                "has none: let its shares add up to 100%"
            )


def choose_inputs(
    rng: np.random.Generator, stage: LoadStage, requests: int, groups: Sequence[str]
) -> NDArray[np.int64]:
    """Indices of items with these groups, one for each request. Of a mix each group has its share, to a request."""
    if not stage.mix:
        return _shuffled_cycles(rng, requests, np.arange(len(groups)), stage.input_repeats)
    pools = _pools(stage, groups)
    ends = np.cumsum([float(part.fraction) for part in stage.mix])
    bounds = [0, *np.rint(ends * requests).astype(int).tolist(), requests]
    chosen = [
        _shuffled_cycles(rng, end - begin, pool, stage.input_repeats)
        for pool, begin, end in zip(pools, bounds[:-1], bounds[1:], strict=True)
        if end > begin
    ]
    return rng.permutation(np.concatenate(chosen))


def _left(stage: LoadStage) -> float:
    return float(1 - sum(part.fraction for part in stage.mix or ()))


def _pools(stage: LoadStage, groups: Sequence[str]) -> list[NDArray[np.int64]]:
    """The items of each group of the mix, and at last all others."""
    of = np.array(groups)
    named = [part.group for part in stage.mix or ()]
    return [*(np.flatnonzero(of == group) for group in named), np.flatnonzero(~np.isin(of, named))]


def _shuffled_cycles(
    rng: np.random.Generator, requests: int, pool: NDArray[np.int64], repeats: int | None
) -> NDArray[np.int64]:
    """Items of a pool, each cycle through them in an order of its own: all are used equally often.

    With `repeats` only so many of them, drawn at random, that each is used at least that often.
    """
    if repeats is not None and requests < repeats * len(pool):
        pool = rng.permutation(pool)[: max(1, requests // repeats)]
    cycles = -(-requests // len(pool))
    return rng.permuted(np.tile(pool, (cycles, 1)), axis=1).ravel()[:requests]
