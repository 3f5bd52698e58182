"""`tollgate judge`: the live test on bare counts, for those who want to see what the operator would say."""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

import click

from tollgate.api import units
from tollgate.api.verdict import Verdict
from tollgate.cli.exits import exit_of, plain
from tollgate.decide.evidence import CountVerdict, judge_counts, requests_to_detect
from tollgate.decide.levels import Levels


class _Fraction(click.ParamType[Decimal]):
    """A number strictly between 0 and 1, kept as it was written."""

    name = "fraction"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            self.fail(f"{value!r} is not a number: write it as 0.99", param, ctx)
        if not (number.is_finite() and 0 < number < 1):
            self.fail(f"{value} is not between 0 and 1, such as 0.99", param, ctx)
        return number


@click.command()
@click.option(
    "--quantile", type=_Fraction(), required=True, help="The percentile that is limited: 0.99 for p99."
)
@click.option(
    "--requests", type=click.IntRange(min=0), required=True, help="Requests that were answered or failed."
)
@click.option(
    "--slow", type=click.IntRange(min=0), required=True, help="Of these, slower than the limit, or failed."
)
@click.option("--confidence", type=_Fraction(), default="0.99", show_default=True, help="Of each verdict.")
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
            f"--slow {slow} is more than --requests {requests}: slow requests are a part of them"
        )
    allowed, alpha = float(1 - quantile), float(1 - confidence)
    said = judge_counts(requests, (slow, slow), allowed, Levels(alpha, alpha))
    if output == "json":
        click.echo(json.dumps(_document(said, quantile, requests, slow, confidence), indent=2))
    else:
        click.echo(_sentence(said, allowed, requests, slow, alpha))
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


def _sentence(said: CountVerdict, allowed: float, requests: int, slow: int, alpha: float) -> str:
    share = units.format_percent(slow / requests) if requests else "none"
    seen = f"{slow:,} of {requests:,} requests are slow ({share}), at most {units.format_percent(allowed)} allowed"
    lines = [
        f"{said.verdict.value}: {seen}",
        f"evidence (ln): breach {said.log_breach:.2f}, within {said.log_within:.2f}; "
        f"a verdict needs {-float(Decimal(alpha).ln()):.2f}",
    ]
    if said.verdict is Verdict.INCONCLUSIVE:
        lines.append(f"a severe regression shows within {requests_to_detect(allowed, alpha):,} requests")
    return "\n".join(lines)
