"""The plots of a page, each with the table of what it shows."""

from __future__ import annotations

from collections.abc import Sequence

from tollgate.api import units
from tollgate.api.benchmark import QuantileBounds, Quantiles, StageResult
from tollgate.measure.knee import knee
from tollgate.report.chart import Axis, Chart, Point, Series
from tollgate.report.content import Content, Measured, by_rate, lateness, slower_than, undominated
from tollgate.report.markup import Markup, joined, tag

_QUANTILES = {"p50": "median", "p90": "p90", "p95": "p95", "p99": "p99", "p999": "p99.9", "max": "slowest"}


def distributions(content: Content) -> list[Markup]:
    """Of each judged stage: how many requests took longer than any time, and where the limits are."""
    return [
        _distribution(f"latency-{number}", stage, content)
        for number, stage in enumerate(content.measured.stages)
    ]


def _distribution(key: str, stage: StageResult, content: Content) -> Markup:
    chart = Chart(
        key,
        f"Latency of stage {stage.label}",
        f"The share of requests that took longer than each time, of {stage.requests:,} requests. "
        f"Half took longer than {stage.quantiles.p50}, 1 % longer than {stage.quantiles.p99}.",
        Axis("latency, from when each request was due", _duration, log=True),
        Axis(
            "share of requests that took longer", _share, log=True, least=0.5 / max(stage.requests, 1), most=1
        ),
    )
    old = content.baseline.stage(stage.label) if content.baseline else None
    if old is not None and content.baseline is not None:
        chart.lines.append(("baseline", slower_than(old, content.baseline.requests(old))))
    chart.lines.append(("candidate", slower_than(stage, content.measured.requests(stage))))
    for limit in content.limits:
        chart.rules.append((limit.seconds, limit.text))
        if limit.allowed is not None:
            chart.marks.append(("limit", (limit.seconds, limit.allowed), "", False))
    keys = [_key("", "this result"), *([_key("baseline", "baseline")] if old else [])]
    if content.limits:
        keys.append(_key("limit", "limit: the curve must pass below its dot"))
    return _figure(chart, keys, _quantiles(stage, old))


def _quantiles(stage: StageResult, old: StageResult | None) -> Markup:
    header = [
        "latency",
        "",
        *(["at least", "at most"] if stage.spread else []),
        *(["baseline"] if old else []),
    ]
    rows = []
    for name, called in _QUANTILES.items():
        row = [called, _of(stage.quantiles, name)]
        if stage.spread:
            row += [_of(stage.spread.low, name), _of(stage.spread.high, name)]
        rows.append(row + ([_of(old.quantiles, name)] if old else []))
    return _table(
        f"Quantiles of stage {stage.label}; a failed request counts as its time-out"
        + ("; at least and at most: three standard errors" if stage.spread else ""),
        header,
        rows,
    )


def _of(values: Quantiles | QuantileBounds, name: str) -> str:
    return str(getattr(values, name, "")) or "–"  # noqa: RUF001 -- a dash in a table


def rates(content: Content) -> list[Markup]:
    """Latency against rate, and how far the server keeps up; nothing where there are no two rates."""
    stages = by_rate(content.measured.stages)
    if not stages:
        return []
    bend, search = knee(stages), content.measured.result.search
    chart = Chart(
        "rates",
        "Latency against rate",
        f"Median and 99th percentile of the latency at {len(stages)} rates. "
        + (f"The knee is at {bend.achieved_rate}." if bend else "No knee was seen."),
        Axis("requests a second, as they were sent", _plain, least=0),
        Axis("latency", _duration, log=True),
    )
    drawn: tuple[tuple[Series, str], ...] = (("second", "p50"), ("candidate", "p99"))
    for series, quantile in drawn:
        line = [(_rate(stage.achieved_rate), _seconds(_of(stage.quantiles, quantile))) for stage in stages]
        chart.lines.append((series, line))
        for stage, point in zip(stages, line, strict=True):
            chart.marks.append((series, point, "", bool(stage.client_limited)))
    if bend is not None:
        chart.rules.append((_rate(bend.achieved_rate), f"knee {bend.achieved_rate}"))
    rows = [
        [
            stage.label,
            stage.requested_rate,
            stage.achieved_rate,
            stage.answered_rate,
            stage.quantiles.p50,
            stage.quantiles.p99,
            "client was the limit" if stage.client_limited else "knee" if stage is bend else "",
        ]
        for stage in stages
    ]
    header = ["stage", "asked for", "sent", "answered", "median", "p99", ""]
    keys = [_key("", "99th percentile"), _key("second", "median")]
    return [_figure(chart, keys, _table(search.message if search else "Latency at each rate", header, rows))]


def accuracy(content: Content) -> list[Markup]:
    """Accuracy against latency, with the frontier; nothing where there are no two points."""
    arms: list[tuple[Series, str, Measured]] = [("candidate", "", content.measured)]
    arms += [("baseline", "baseline, ", content.baseline)] if content.baseline else []
    found = [
        (
            series,
            f"{whose}{stage.label}",
            (_seconds(stage.quantiles.p99), stage.correct / stage.scored),
            stage,
        )
        for series, whose, measured in arms
        for stage in measured.stages
        if stage.scored
    ]
    if len(found) < 2:
        return []
    front = undominated([point for _, _, point, _ in found])
    values = [point[1] for _, _, point, _ in found]
    room = max(max(values) - min(values), 0.01)
    chart = Chart(
        "accuracy",
        "Accuracy against latency",
        f"{len(found)} measured points; {len(front)} of them are on the frontier: none is faster and as accurate.",
        Axis("99th percentile of the latency", _duration, log=True),
        Axis(
            "accuracy", _share, least=max(0.0, min(values) - room / 2), most=min(1.0, max(values) + room / 2)
        ),
    )
    chart.lines.append(("second", front))
    for series, name, point, _ in found:
        chart.marks.append((series, point, name, point not in front))
    rows = [
        [
            name,
            stage.quantiles.p99,
            units.format_percent(point[1]),
            "frontier" if point in front else "dominated",
        ]
        for _, name, point, stage in found
    ]
    keys = [_key("second", "frontier"), _key("", "this result")]
    keys += [_key("baseline", "baseline")] if content.baseline else []
    return [_figure(chart, keys, _table("Points", ["point", "p99", "accuracy", ""], rows))]


def delays(content: Content) -> list[Markup]:
    """How late the load generator sent, over the time of each stage whose requests are known."""
    return [
        drawn
        for number, stage in enumerate(content.measured.stages)
        if (drawn := _delay(f"delay-{number}", stage, content))
    ]


def _delay(key: str, stage: StageResult, content: Content) -> Markup | None:
    samples = content.measured.requests(stage)
    late = lateness(samples) if samples else []
    if not late or not any(most > 0 for _, _, most in late):
        return None
    chart = Chart(
        key,
        f"Schedule delay of stage {stage.label}",
        f"How late requests were sent, over the stage. 1 % were sent later than {stage.schedule_delay_p99} after "
        "they were due. Latency runs from when they were due, so it contains this.",
        Axis("time in the stage", _duration, least=0),
        Axis("sent late by", _duration, least=0),
    )
    typical: list[Point] = [(at, median) for at, median, _ in late]
    longest: list[Point] = [(at, most) for at, _, most in late]
    chart.lines += [("second", typical), ("candidate", longest)]
    rows = [
        ["sent late, 99th percentile", stage.schedule_delay_p99],
        ["longest", _duration(max(most for _, _, most in late))],
        ["never sent", f"{sum(sent is None for sent in samples.sent):,}" if samples else ""],
    ]
    if stage.client:
        rows += [["event-loop lag, 99th percentile", stage.client.lag_p99], ["cores used", stage.client.cpu]]
    keys = [_key("", "longest of each stretch"), _key("second", "median of each stretch")]
    return _figure(chart, keys, _table(f"The load generator in stage {stage.label}", ["client", ""], rows))


def _figure(chart: Chart, keys: Sequence[Markup], table: Markup) -> Markup:
    return tag(
        "figure",
        tag("figcaption", chart.title),
        tag("div", tag("p", *keys), chart.draw()),
        table,
    )


def _table(caption: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Markup:
    head = tag("thead", tag("tr", *(tag("th", name, scope="col") for name in header)))
    body = tag(
        "tbody",
        *(tag("tr", tag("th", first, scope="row"), *(tag("td", c) for c in rest)) for first, *rest in rows),
    )
    return tag(
        "div",
        tag("p", caption, class_="pale"),
        tag("div", tag("table", head, body), class_="scroll", tabindex=0, role="region", aria_label=caption),
    )


def _key(series: str, text: str) -> Markup:
    return joined(tag("span", text, class_=f"key {series}".strip()), " ")


def _duration(seconds: float) -> str:
    return units.format_duration(seconds, digits=3) if seconds else "0"


def _share(fraction: float) -> str:
    return units.format_percent(fraction, digits=3)


def _plain(value: float) -> str:
    return f"{value:,.10g}"


def _seconds(text: str) -> float:
    return float(units.parse_duration(text))


def _rate(text: str) -> float:
    return float(units.parse_rate(text))
