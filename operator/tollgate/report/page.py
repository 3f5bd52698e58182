"""The page: what was measured, what it means, the plots, and every stage's numbers."""

from __future__ import annotations

from collections.abc import Iterator

from tollgate.api.benchmark import StageResult
from tollgate.api.verdict import ObjectiveResult, Verdict
from tollgate.report import plots
from tollgate.report.content import Content, Judged
from tollgate.report.markup import Markup, joined, tag
from tollgate.report.style import style

_TONES = {Verdict.WITHIN: "good", Verdict.BREACH: "bad", Verdict.INCONCLUSIVE: "open"}
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""Nothing is loaded and nothing runs, even if something of a result ever came through as markup."""


def page(content: Content) -> str:
    """The whole document, in UTF-8."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", content.title),
        tag("style", Markup(style())),
    )
    main = tag("main", tag("h1", content.title), *_sections(content))
    return "<!DOCTYPE html>\n" + tag("html", head, tag("body", main), lang="en") + "\n"


def _sections(content: Content) -> Iterator[Markup]:
    if content.judged is not None:
        yield _verdict(content.judged)
    yield tag("dl", *(joined(tag("dt", term), tag("dd", text)) for term, text in content.about))
    limited = [stage for stage in content.measured.stages if stage.client_limited]
    for stage in limited:
        yield tag(
            "p",
            tag("strong", f"Stage {stage.label} certifies nothing: "),
            f"the load generator was the limit. {stage.client_limited}",
        )
    for heading, figures in (
        ("Latency and its limits", plots.distributions(content)),
        ("Latency against rate", plots.rates(content)),
        ("Accuracy against latency", plots.accuracy(content)),
        ("Was the load sent on time?", plots.delays(content)),
    ):
        if figures:
            yield tag("section", tag("h2", heading), *figures)
    yield tag(
        "section",
        tag("h2", "Stages"),
        tag("ul", *map(_stage, content.measured.result.stages), class_="cards"),
    )


def _verdict(judged: Judged) -> Markup:
    return tag(
        "section",
        tag(
            "p",
            tag("span", judged.outcome, class_=f"verdict {judged.tone}"),
            f" {judged.headline} ",
            tag("span", f"(budget {judged.budget})", class_="pale"),
        ),
        *(tag("p", message, class_="pale") for message in judged.messages),
        tag("ul", *(_objective(r, judged.limits.get(r.name, "")) for r in judged.objectives), class_="cards"),
    )


def _objective(result: ObjectiveResult, limit: str) -> Markup:
    word = result.verdict.value + (f" ({result.reason.value})" if result.reason else "")
    interval = f" ({result.low or '0'} to {result.high or 'any'})" if result.low or result.high else ""
    return tag(
        "li",
        tag("h3", f"{result.name}: ", tag("span", word, class_=_TONES[result.verdict])),
        tag("p", f"{result.observed or 'nothing observed'}{interval}, limit {limit}"),
        tag("p", result.message, class_="pale"),
    )


def _stage(stage: StageResult) -> Markup:
    kind = "warm-up, not judged" if stage.warm_up else stage.load
    facts = [
        ("requests", f"{stage.requests:,}"),
        ("errors", f"{stage.errors:,}{_kinds(stage)}"),
        ("rate", f"{stage.achieved_rate} sent of {stage.requested_rate}, {stage.answered_rate} answered"),
        ("latency", f"mean {stage.mean}, median {stage.quantiles.p50}, p99 {stage.quantiles.p99}"),
        ("sent late", f"{stage.schedule_delay_p99} (99th percentile)"),
    ]
    facts += [(f"over {over.limit}", f"{over.requests:,}") for over in stage.over_limit]
    if stage.scored:
        facts.append(("correct", f"{stage.correct:,} of {stage.scored:,}"))
    first = stage.stream.time_to_first_token if stage.stream else None
    each = stage.stream.time_per_output_token if stage.stream else None
    facts += [("first token", f"median {first.p50}, p99 {first.p99}")] if first else []
    facts += [("per token", f"median {each.p50}, p99 {each.p99}")] if each else []
    facts += [("tokens", stage.tokens.rate)] if stage.tokens and stage.tokens.rate else []
    if stage.accepted is not None:
        facts.append(("accepted", f"{stage.accepted:,}"))
    if stage.exit_stages:
        facts.append(("done in", ", ".join(f"{name}: {n:,}" for name, n in stage.exit_stages.items())))
    if (inputs := stage.variability) and inputs.share:
        facts.append(("inputs", str(inputs)))
        facts.append(("slowest inputs", ", ".join(f"{one.input} ({one.median})" for one in inputs.worst)))
    if took := stage.recovery:
        facts.append(
            (
                f"surge of {took.surge:,}",
                f"answered in {took.drained or '–'}, as before after {took.recovered or '–'}, slowest {took.slowest}",  # noqa: RUF001 -- a dash
            )
        )
    return tag(
        "li",
        tag(
            "h3",
            stage.label,
            *([tag("span", f" ({kind})", class_="pale")] if kind else []),
        ),
        tag("dl", *(joined(tag("dt", term), tag("dd", text)) for term, text in facts)),
        *(tag("p", f"{kind}: {example}", class_="pale") for kind, example in stage.error_examples.items()),
    )


def _kinds(stage: StageResult) -> str:
    told = ", ".join(f"{kind} {count:,}" for kind, count in stage.error_kinds.items() if count)
    return f" ({told})" if told else ""
