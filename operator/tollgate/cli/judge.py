"""`tollgate judge`: the live test on bare counts, for those who want to see what the operator would say."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Literal

import click

from tollgate.api import units
from tollgate.api.verdict import Verdict
from tollgate.cli.exits import exit_of, plain
from tollgate.cli.params import MOST_REQUESTS, Count, Fraction
from tollgate.cli.tables import aligned
from tollgate.decide.crossing import requests_for_within, slow_for_breach
from tollgate.decide.evidence import CountVerdict, judge_counts, requests_to_detect, severe_fraction
from tollgate.decide.levels import Levels
from tollgate.decide.limits import count

QUANTILE = Fraction("0.01", "0.999999", "0.99")
CONFIDENCE = Fraction("0.8", "0.99999", "0.99")


@click.command()
@click.option("--quantile", type=QUANTILE, required=True, help="The percentile that is limited: 0.99 is p99.")
@click.option("--requests", type=Count(), required=True, help="Requests that were answered or failed.")
@click.option("--slow", type=Count(), required=True, help="Of these, slower than the limit, or failed.")
@click.option("--confidence", type=CONFIDENCE, default="0.99", show_default=True, help="Of each verdict.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@plain
def judge(
    quantile: Decimal, requests: int, slow: int, confidence: Decimal, output: Literal["text", "json"]
) -> int:
    """Judge counts of live requests, however often they were looked at.

    Exit code: 0 Within, 1 Breach, 2 Inconclusive, 64 bad input.
    """
    if slow > requests:
        raise ValueError(
            f"--slow {slow} is more than --requests {requests}: the slow requests are a part of them"
        )
    allowed, alpha = float(1 - quantile), float(1 - confidence)
    said = judge_counts(requests, (slow, slow), allowed, Levels(alpha, alpha))
    if output == "json":
        click.echo(json.dumps(_document(said, quantile, requests, slow, confidence), indent=2))
    else:
        click.echo("\n".join(_lines(said, allowed, requests, slow, alpha)))
    return exit_of([said.verdict])


def _document(
    said: CountVerdict, quantile: Decimal, requests: int, slow: int, confidence: Decimal
) -> dict[str, Any]:
    return {
        "verdict": said.verdict.value,
        "reason": said.reason.value if said.reason else None,
        "quantile": str(quantile),
        "requests": requests,
        "slow": slow,
        "confidence": str(confidence),
        "evidence": {
            "breach": units.format_number(said.log_breach, 12),
            "within": units.format_number(said.log_within, 12),
        },
        "threshold": units.format_number(-float((1 - confidence).ln()), 12),
        "scale": "natural logarithm",
    }


def _lines(said: CountVerdict, allowed: float, requests: int, slow: int, alpha: float) -> Iterator[str]:
    seen = f" ({units.format_percent(slow / requests)})" if requests else ""
    yield (
        f"{said.verdict.value}: {slow:,} of {count(requests)} slow{seen}, "
        f"at most {units.format_percent(allowed)} allowed"
    )
    yield ""
    sides = {Verdict.BREACH: said.log_breach, Verdict.WITHIN: said.log_within}
    yield from aligned(
        ("EVIDENCE", "SEEN", "NEEDED", ""),
        [
            (side.value, _odds(log), _odds(-math.log(alpha)), "reached" if said.verdict is side else "")
            for side, log in sides.items()
        ],
        right=(1, 2),
    )
    if said.verdict is Verdict.INCONCLUSIVE:
        yield ""
        yield from _what_would_tell(allowed, requests, slow, alpha)


def _odds(log: float) -> str:
    """A natural logarithm of evidence as odds, which are short however large they are."""
    number = units.format_number(math.exp(log), 3) if -9 < log < 14 else f"10^{round(log / math.log(10))}"
    return f"{number} : 1"


def _what_would_tell(allowed: float, requests: int, slow: int, alpha: float) -> Iterator[str]:
    enough = slow_for_breach(requests, allowed, alpha)
    if enough is None:
        yield f"A Breach takes more than {count(requests)}, whatever they are."
    else:
        yield f"A Breach at {count(requests)} takes {enough:,} slow ones."
    more = requests_for_within(slow, allowed, alpha) - requests
    if requests + more <= MOST_REQUESTS:
        yield f"Within takes {more:,} more, none of them slow."
    detected = requests_to_detect(allowed, alpha)
    if requests < detected:
        severe = units.format_percent(severe_fraction(allowed))
        yield f"A severe regression ({severe} slow) shows within {count(detected)}, 19 times in 20."
