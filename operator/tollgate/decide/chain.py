"""The chain of a target's records: whether each is there, unchanged, and in its place.

Each record holds the name and the digest of the one before it. So a change of any record shows at the next one, and a
change of the newest in what the budget's status says of it. A checkpoint stands for records that retention deleted.

Whoever may write records could forge a whole chain; that shows only against a digest that was kept elsewhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from tollgate.api.canonical import digest
from tollgate.api.chain import Checkpoint, PreviousRecord, RecordRef

FOUND = " found: "


@dataclass(frozen=True)
class Link:
    """A record as it is stored: its place, name and digest, what it says of others, and the UID of its object."""

    ref: RecordRef
    previous: PreviousRecord | None
    checkpoint: Checkpoint | None = None
    uid: str = ""


@dataclass(frozen=True)
class Fault:
    """What is wrong at a place of the chain, as a sentence."""

    sequence: int
    message: str


@dataclass(frozen=True)
class Chain:
    """What was found: the records in order, the place from which on they must be there, and the faults in order."""

    links: tuple[Link, ...]
    begins: int
    faults: tuple[Fault, ...]


@dataclass(frozen=True)
class _Claim:
    """What somebody says of the record at a place."""

    name: str
    digest: str
    by: str


def read_link(obj: Mapping[str, Any]) -> Link:
    """An EfficiencyDecision, as the API server gives it, as a link. ValueError when it cannot be one."""
    meta, spec = obj.get("metadata") or {}, obj.get("spec") or {}
    name = str(meta.get("name", ""))
    try:
        return Link(
            ref=RecordRef(sequence=spec.get("sequence"), name=name, digest=digest(spec)),
            previous=PreviousRecord.model_validate(spec["previous"]) if "previous" in spec else None,
            checkpoint=Checkpoint.model_validate(spec["checkpoint"]) if "checkpoint" in spec else None,
            uid=str(meta.get("uid", "")),
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{name or 'an object'} is no record of a chain: {where}: {first['msg']}") from None
    except ValueError as error:
        raise ValueError(f"{name or 'an object'} is no record of a chain: {error}") from None


def walk(links: Iterable[Link], head: RecordRef | None = None, unwritten: Iterable[RecordRef] = ()) -> Chain:
    """Walk the records of one target, from the newest to the oldest.

    `head` is the newest one that the budget knows to be written, and `unwritten` are those that may follow. Only what
    is not contradicted itself is believed about the record before.
    """
    places: dict[int, list[Link]] = defaultdict(list)
    for link in links:
        places[link.ref.sequence].append(link)
    claims: dict[int, list[_Claim]] = defaultdict(list)
    faults: list[Fault] = []
    if head is not None:
        known = {head.sequence: head} | {ref.sequence: ref for ref in unwritten}
        for place, ref in known.items():
            if place in places or ref is head:
                claims[place].append(_claim(ref, "the budget's status"))
        faults += [
            Fault(place, f"record {place} ({found[0].ref.name}) is none that the budget knows of")
            for place, found in places.items()
            if place > head.sequence and place not in known
        ]
    begins, above = 1, max([*places, *claims], default=0) + 1
    for place in sorted(places, reverse=True):
        faults += _gap(place, above, begins, claims)
        believed, wrong = _believed(place, places[place], claims[place])
        faults += wrong
        for link in believed:
            who = f"record {place} ({link.ref.name})"
            if link.previous is not None:
                claims[place - 1].append(_claim(link.previous, who))
            if link.checkpoint is not None:
                begins = max(begins, link.checkpoint.sequence + 1)
                claims[link.checkpoint.sequence].append(_claim(link.checkpoint, who))
                if link.checkpoint.fault:
                    faults.append(Fault(link.checkpoint.sequence, f"{who}{FOUND}{link.checkpoint.fault}"))
        above = place
    faults += _gap(0, above, begins, claims)
    faults += [
        wrong for place, said in claims.items() if place not in places for wrong in _disagreement(place, said)
    ]
    ordered = sorted(
        (link for found in places.values() for link in found), key=lambda link: link.ref.sequence
    )
    return Chain(tuple(ordered), begins, tuple(sorted(faults, key=lambda fault: fault.sequence)))


def _believed(place: int, found: list[Link], said: list[_Claim]) -> tuple[list[Link], list[Fault]]:
    """The records at a place that nobody contradicts, and what is wrong there."""
    believed, faults = [], []
    for link in found:
        contradicted = [c for c in said if (c.name, c.digest) != (link.ref.name, link.ref.digest)]
        misplaced = (link.previous is None) != (place == 1)
        if not contradicted and not misplaced:
            believed.append(link)
            continue
        why = "only the first record has none before it"
        if contradicted:
            other = contradicted[0]
            why = f"{other.by} has {other.name} with {other.digest} there, not {link.ref.digest}"
        faults.append(
            Fault(
                place, f"record {place} ({link.ref.name}) is changed, or not the one that was written: {why}"
            )
        )
    if len(believed) > 1:
        names = " and ".join(sorted(link.ref.name for link in believed))
        faults.append(Fault(place, f"the chain forks: {names} are both record {place}"))
    return believed, faults


def _gap(place: int, above: int, begins: int, claims: Mapping[int, list[_Claim]]) -> list[Fault]:
    """The records that are missing between two places."""
    first, last = max(place + 1, begins), above - 1
    if first > last:
        return []
    known = claims.get(last)
    named = f" ({known[0].name})" if known else ""
    what = (
        f"record {last}{named} is missing"
        if first == last
        else f"records {first} to {last}{named} are missing"
    )
    return [Fault(first, what)]


def _disagreement(place: int, said: list[_Claim]) -> list[Fault]:
    """Two that speak of a record which is not there (any more) must mean the same."""
    if len({(claim.name, claim.digest) for claim in said}) < 2:
        return []
    return [Fault(place, f"{' and '.join(claim.by for claim in said)} do not mean the same record {place}")]


def _claim(said: PreviousRecord, by: str) -> _Claim:
    return _Claim(said.name, said.digest, by)
