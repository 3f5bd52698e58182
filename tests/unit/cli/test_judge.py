from __future__ import annotations

import json
import math
import subprocess
import sys
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.cli.running import Terminal
from tollgate.decide.evidence import judge_counts, log_breach, log_within
from tollgate.decide.levels import Levels

P99 = ("judge", "--quantile", "0.99", "--confidence", "0.95")


def counts(slow: object, requests: object, *more: object) -> tuple[object, ...]:
    return (*P99, "--slow", slow, "--requests", requests, *more)


def test_the_example_of_the_issue(terminal: Terminal) -> None:
    ran = terminal.run(*counts(7, 100, "-o", "json"))
    assert ran.code == 1
    assert ran.err == ""
    said = json.loads(ran.out)
    assert (said["verdict"], said["reason"]) == ("Breach", None)
    assert (said["slow"], said["requests"]) == (7, 100)
    assert (said["quantile"], said["confidence"]) == ("0.99", "0.95")
    assert float(said["evidence"]["breach"]) == pytest.approx(log_breach(100, 7, 0.01, 0.05), rel=1e-9)
    assert float(said["evidence"]["within"]) == pytest.approx(log_within(100, 7, 0.01, 0.05), rel=1e-9)
    assert float(said["threshold"]) == pytest.approx(math.log(20), rel=1e-11)


@pytest.mark.parametrize(
    ("slow", "requests", "code"),
    [(5, 5, 1), (4, 4, 2), (6, 100, 2), (0, 569, 0), (0, 568, 2), (16, 3000, 0), (47, 3000, 1), (0, 0, 2)],
)
def test_exit_codes_are_those_of_the_tables(terminal: Terminal, slow: int, requests: int, code: int) -> None:
    assert terminal.run(*counts(slow, requests)).code == code


def test_a_verdict_as_text(terminal: Terminal) -> None:
    assert terminal.run(*counts(7, 100)).out == (
        "Breach: 7 of 100 requests slow (7%), at most 1% allowed\n"
        "\n"
        "  EVIDENCE       SEEN  NEEDED\n"
        "  Breach     29.1 : 1  20 : 1  reached\n"
        "  Within    0.183 : 1  20 : 1\n"
    )


def test_no_verdict_says_what_would_be_one(terminal: Terminal) -> None:
    assert terminal.run(*counts(1, 100)).out.splitlines() == [
        "Inconclusive: 1 of 100 requests slow (1%), at most 1% allowed",
        "",
        "  EVIDENCE       SEEN  NEEDED",
        "  Breach    0.885 : 1  20 : 1",
        "  Within    0.851 : 1  20 : 1",
        "",
        "A Breach at 100 requests takes 7 slow ones.",
        "Within takes 648 more, none of them slow.",
        "A severe regression (3% slow) shows within 846 requests, 19 times in 20.",
    ]


def test_what_would_tell_does(terminal: Terminal) -> None:
    assert terminal.run(*counts(7, 100)).code == 1
    assert terminal.run(*counts(6, 100)).code == 2
    assert terminal.run(*counts(1, 748)).code == 0
    assert terminal.run(*counts(1, 747)).code == 2


def test_no_requests_at_all(terminal: Terminal) -> None:
    out = terminal.run(*counts(0, 0)).out
    assert out.startswith("Inconclusive: 0 of 0 requests slow, at most 1% allowed\n")
    assert "A Breach takes more than 0 requests, whatever they are." in out
    assert "Within takes 569 more, none of them slow." in out


def test_strong_evidence_stays_short(terminal: Terminal) -> None:
    ran = terminal.run(*counts(10**11, 10**12))
    assert ran.code == 1
    assert "  Breach    10^" in ran.out
    assert max(map(len, ran.out.splitlines())) < 100


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (counts(-1, 10), "'--slow': -1 is not between 0 and 1,000,000,000,000"),
        (counts(11, 10), "--slow 11 is more than --requests 10"),
        (counts("NaN", 10), "'--slow': 'NaN' is not a whole number"),
        (counts("1.5", 10), "'--slow': '1.5' is not a whole number"),
        (counts(1, "1e3"), "'--requests': '1e3' is not a whole number"),
        (counts(1, "inf"), "'--requests': 'inf' is not a whole number"),
        (counts(1, 10**13), "'--requests': 10000000000000 is not between 0 and"),
        (counts(1, "9" * 5000), "is not a whole number"),
        (counts("", ""), "'--slow': '' is not a whole number"),
        (counts(1, 10, "--quantile", "NaN"), "NaN is not between 0.01 and 0.999999: write it as 0.99"),
        (counts(1, 10, "--quantile", "-Infinity"), "-Infinity is not between"),
        (counts(1, 10, "--quantile", "99"), "99 is not between 0.01 and 0.999999"),
        (counts(1, 10, "--quantile", "p99"), "'p99' is not a number: write it as 0.99"),
        (counts(1, 10, "--quantile", "1e-400"), "1e-400 is not between"),
        (counts(1, 10, "--quantile", "0." + "9" * 30), "is not between"),
        (counts(1, 10, "--confidence", "0.5"), "0.5 is not between 0.8 and 0.99999"),
        (counts(1, 10, "--confidence", "1"), "1 is not between 0.8 and 0.99999"),
        (counts(1, 10, "--bogus", "3"), "No such option '--bogus' (see tollgate judge --help)"),
        (counts(1, 10, "-o", "yaml"), "'yaml' is not one of 'text', 'json'"),
        (counts(1, 10, "more"), "unexpected extra argument (more)"),
        (P99, "Missing option '--requests'"),
        (("nonsense",), "tollgate: No such command 'nonsense' (see tollgate --help)"),
        (("--nonsense",), "tollgate: No such option '--nonsense' (see tollgate --help)"),
    ],
    ids=str,
)
def test_bad_input_is_one_sentence(terminal: Terminal, arguments: tuple[Any, ...], said: str) -> None:
    sentence = terminal.refuses(*arguments)
    assert said in sentence
    assert sentence.startswith("tollgate")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    requests=st.integers(0, 10**12),
    part=st.floats(0, 1),
    quantile=st.decimals(Decimal("0.01"), Decimal("0.999999"), places=6),
    confidence=st.decimals(Decimal("0.8"), Decimal("0.99999"), places=5),
    output=st.sampled_from(["text", "json"]),
)
def test_any_counts_are_judged_as_the_operator_would(
    terminal: Terminal, requests: int, part: float, quantile: Decimal, confidence: Decimal, output: str
) -> None:
    slow = int(requests * part)
    ran = terminal.run(
        "judge", "--quantile", quantile, "--slow", slow, "--requests", requests, "--confidence", confidence,
        "-o", output,
    )  # fmt: skip
    alpha = float(1 - confidence)
    said = judge_counts(requests, (slow, slow), float(1 - quantile), Levels(alpha, alpha))
    assert ran.code == {"Within": 0, "Breach": 1, "Inconclusive": 2}[said.verdict]
    assert "nan" not in ran.out.lower()
    assert ran.err == ""


def test_as_a_process() -> None:
    arguments = [sys.executable, "-m", "tollgate.cli.main", *map(str, counts(0, 600))]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Within: 0 of 600 requests slow (0%)")
