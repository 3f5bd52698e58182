from __future__ import annotations

import io
import json
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.unit.cli.checking import Case
from tests.unit.cli.files import DEARER, FASTER, OBJECTIVES, PRICES, SLOW, deployment, good
from tests.unit.decide.objectives import objective
from tests.unit.decide.turns import paired, ratio, turns
from tollgate.api.benchmark import BenchmarkResult
from tollgate.api.transport import encode, encode_error
from tollgate.decide.judge_benchmark import judge_benchmark


class TestOutcome:
    def test_within(self, case: Case) -> None:
        ran = case.run(good())
        assert ran.code == 0
        assert ran.out.startswith("Within: all 3 objectives are within their limits\n")

    def test_breach(self, case: Case) -> None:
        ran = case.run(good(overLimit=SLOW))
        assert ran.code == 1
        assert ran.out.startswith("Breach: tail (1 of 3 objectives)\n")

    def test_inconclusive(self, case: Case) -> None:
        ran = case.run(good(requests=300, scored=0, correct=0, blocks=[]))
        assert ran.code == 2
        assert ran.out.startswith("Inconclusive: tail, mean, errs (3 of 3 objectives)\n")

    def test_a_breach_outweighs_what_is_not_known(self, case: Case) -> None:
        ran = case.run(good(overLimit=SLOW, blocks=[]))
        assert ran.code == 1
        assert "mean       Inconclusive (TooFewRequests)" in ran.out

    def test_verdicts_are_those_of_the_gate(self, case: Case) -> None:
        objectives = [objective(**o) for o in OBJECTIVES]
        result = good(overLimit=SLOW, errors=9)
        expected = judge_benchmark(objectives, result, confidence=0.99)
        assert case.json(result)["objectives"] == [r.dump() for r in expected]


class TestBaseline:
    def test_worse_needs_a_sign_off(self, case: Case) -> None:
        ran = case.run(good(), baseline=good(**FASTER))
        assert ran.code == 3
        assert ran.out.startswith(
            "NeedsSignOff: all objectives are within their limits, but worse than the baseline in mean\n"
        )
        assert "Dominated: against" in ran.out

    @pytest.mark.parametrize(("trade_offs", "code"), [("RequireSignOff", 3), ("Forbid", 1), ("Allow", 0)])
    def test_the_policy_says_what_worse_means(self, case: Case, trade_offs: str, code: int) -> None:
        ran = case.run(good(), spec={"tradeOffs": trade_offs}, baseline=good(**FASTER))
        assert ran.code == code

    def test_forbid_says_so(self, case: Case) -> None:
        ran = case.run(good(), spec={"tradeOffs": "Forbid"}, baseline=good(**FASTER))
        assert ran.out.startswith(
            "Breach: all objectives are within their limits, but worse than the baseline in mean "
            "(tradeOffs: Forbid)\n"
        )

    def test_better_and_equal_are_within(self, case: Case) -> None:
        for candidate in (good(**FASTER), good()):
            ran = case.run(candidate, baseline=good())
            assert ran.code == 0
            assert ran.out.startswith(
                "Within: all 3 objectives are within their limits, and none is worse than the baseline\n"
            )

    def test_a_trade_off_is_named(self, case: Case) -> None:
        prices = self._priced(case, cpu="1", then="0.5")
        said = case.json(good(**FASTER), spec=DEARER, baseline=good(), more=prices)
        assert (said["verdict"], said["relation"]) == ("NeedsSignOff", "TradeOff")
        relations = {o["name"]: o["relation"] for o in said["objectives"]}
        assert relations == {"tail": "Equal", "mean": "Better", "errs": "Equal", "cost": "Worse"}

    def test_breach_of_a_limit_comes_before_what_got_worse(self, case: Case) -> None:
        assert case.run(good(overLimit=SLOW), baseline=good(**FASTER)).code == 1

    def test_other_hardware_can_not_be_compared(self, case: Case) -> None:
        kinds = [{"hardware": [{"pods": 2, "instanceType": kind}]} for kind in ("c7i.large", "c6i.large")]
        then = case.folder.write("old.yaml", kept(loaded=kinds[0]))
        assert case.run(kept(loaded=kinds[0]), more=("--baseline", then)).code == 0
        ran = case.run(kept(loaded=kinds[1]), more=("--baseline", then))
        assert ran.code == 2
        assert "c6i.large; then 2 on c7i.large" in ran.out

    def test_what_can_not_be_compared_is_not_within(self, case: Case) -> None:
        other = good().model_copy(update={"dataset": "sha256:" + "c" * 64})
        ran = case.run(good(), baseline=other)
        assert ran.code == 2
        assert "the dataset has changed" in ran.out.splitlines()[0]
        assert case.run(good(), spec={"tradeOffs": "Allow"}, baseline=other).code == 0

    def _priced(self, case: Case, *, cpu: str, then: str) -> tuple[object, ...]:
        write = case.folder.write
        return (
            "--prices", write("prices.yaml", PRICES), "--target", write("new.yaml", deployment(cpu)),
            "--baseline-target", write("old.yaml", deployment(then)),
        )  # fmt: skip


def mean_of(milliseconds: float) -> BenchmarkResult:
    blocks = [{"requests": 120, "mean": f"{milliseconds + (i % 3 - 1) / 10}ms"} for i in range(20)]
    return good(mean=f"{milliseconds}ms", blocks=blocks)


class TestApproved:
    """Many small losses, added up as the operator does."""

    def against(self, case: Case, milliseconds: float) -> tuple[object, ...]:
        return ("--approved", case.folder.write("approved.json", mean_of(milliseconds)))

    @pytest.mark.parametrize(("trade_offs", "code"), [("RequireSignOff", 3), ("Forbid", 1), ("Allow", 0)])
    def test_small_losses_add_up(self, case: Case, trade_offs: str, code: int) -> None:
        step = {"spec": {"tradeOffs": trade_offs}, "baseline": mean_of(52)}
        assert case.run(mean_of(53), **step).code == 0
        ran = case.run(mean_of(53), **step, more=self.against(case, 49))
        assert ran.code == code
        assert "Dominated: against the approved baseline: mean is worse, 53ms against 49ms" in ran.out
        if code:
            assert "but worse than the approved baseline in mean" in ran.out.splitlines()[0]

    def test_it_is_enough_alone(self, case: Case) -> None:
        assert case.run(mean_of(53), more=self.against(case, 49)).code == 3
        ran = case.run(mean_of(50), more=self.against(case, 49))
        assert ran.code == 0
        assert ran.out.splitlines()[0].endswith("and none is worse than the approved baseline")

    def test_both_are_named(self, case: Case) -> None:
        ran = case.run(mean_of(60), baseline=mean_of(52), more=self.against(case, 49))
        assert "worse than the baseline in mean and worse than the approved baseline in mean" in ran.out
        ran = case.run(mean_of(50), baseline=mean_of(50), more=self.against(case, 49))
        assert ran.out.splitlines()[0].endswith("none is worse than the baseline or the approved baseline")

    def test_the_way_back_is_not_held(self, case: Case) -> None:
        """Better than what serves, though not as good as what was approved: as the operator has it."""
        ran = case.run(mean_of(53), baseline=mean_of(60), more=self.against(case, 49))
        assert ran.code == 0
        assert ran.out.splitlines()[0].endswith("none is worse than the baseline")

    def test_what_was_measured_otherwise_is_told_and_holds_nothing(self, case: Case) -> None:
        other = good().model_copy(update={"dataset": "sha256:" + "c" * 64})
        more = ("--approved", case.folder.write("approved.json", other))
        ran = case.run(good(), baseline=good(), more=more)
        assert ran.code == 0
        assert "not comparable with the approved baseline's benchmark: the dataset has changed" in ran.out
        assert ran.out.splitlines()[0].endswith("none is worse than the baseline")

    def test_the_same_result_is_compared_once(self, case: Case) -> None:
        said = case.json(mean_of(50), baseline=mean_of(49), more=self.against(case, 49))
        assert [c["against"] for c in said["comparisons"]] == ["LastGood"]
        assert said["notes"] == ["the approved baseline is the baseline: they are compared once"]

    def test_its_price_may_be_another(self, case: Case) -> None:
        write = case.folder.write
        priced = (
            "--prices", write("prices.yaml", PRICES), "--target", write("new.yaml", deployment("1")),
            *self.against(case, 50),
        )  # fmt: skip
        said = case.json(mean_of(50), spec=DEARER, more=priced)
        assert "pass --approved-target" in said["notes"][0]
        assert said["objectives"][3]["relationToApproved"] == "Equal"
        then = ("--approved-target", write("then.yaml", deployment("0.5")))
        said = case.json(mean_of(50), spec=DEARER, more=(*priced, *then))
        assert said["notes"] == []
        assert said["objectives"][3]["relationToApproved"] == "Worse"

    def test_junit_has_a_case_for_it(self, case: Case) -> None:
        more = ("-o", "junit", *self.against(case, 49))
        root = ET.fromstring(case.run(mean_of(53), baseline=mean_of(52), more=more).out)
        step, since = root.findall(".//testcase")[-2:]
        assert (step.get("name"), step.find("failure")) == ("against the baseline", None)
        assert since.get("name") == "against the approved baseline"
        failure = since.find("failure")
        assert failure is not None
        assert failure.get("type") == "Dominated"


class TestCost:
    def test_without_a_price_it_is_inconclusive_and_says_what_to_pass(self, case: Case) -> None:
        said = case.json(good(), spec=DEARER)
        assert said["verdict"] == "Inconclusive"
        cost = said["objectives"][3]
        assert (cost["verdict"], cost["reason"]) == ("Inconclusive", "CostUnknown")
        assert "pass --prices and --target" in cost["message"]
        prices = case.folder.write("prices.yaml", PRICES)
        assert (
            "pass --target"
            in case.json(good(), spec=DEARER, more=("--prices", prices))["objectives"][3]["message"]
        )

    @pytest.mark.parametrize("prices", [PRICES, {"prices": PRICES, "prometheus": {"url": "http://p"}}])
    def test_price_times_pods_over_rate(self, case: Case, prices: dict[str, Any]) -> None:
        write = case.folder.write
        more = ("--prices", write("prices.yaml", prices), "--target", write("target.yaml", deployment()))
        said = case.json(good(), spec=DEARER, more=more)
        assert said["verdict"] == "Within"
        # Two pods of 0.034USD an hour at 40 requests a second.
        assert said["objectives"][3]["observed"] == "0.0004722USD"

    def test_same_price_of_the_baseline_is_said(self, case: Case) -> None:
        write = case.folder.write
        more = ("--prices", write("prices.yaml", PRICES), "--target", write("target.yaml", deployment()))
        said = case.json(good(), spec=DEARER, baseline=good(), more=more)
        assert "--baseline-target" in said["notes"][0]
        more = (*more, "--baseline-target", write("old.yaml", deployment()))
        assert case.json(good(), spec=DEARER, baseline=good(), more=more)["notes"] == []

    def test_what_was_reserved_is_on_record(self, case: Case) -> None:
        write = case.folder.write
        now, then = (
            kept(loaded={"hardware": [{"pods": 2}], "requests": {"cpu": cpu, "memory": str(2**30)}})
            for cpu in ("1", "0.5")
        )
        more = ("--prices", write("prices.yaml", PRICES), "--baseline", write("old.yaml", then))
        said = case.json(now, spec=DEARER, more=more)
        assert said["objectives"][3]["observed"] == "0.0004722USD"
        assert (said["objectives"][3]["relation"], said["notes"]) == ("Worse", [])
        half = ("--target", write("target.yaml", deployment("0.5")))
        assert case.json(now, spec=DEARER, more=(*more, *half))["objectives"][3]["relation"] == "Equal"

    def test_another_currency_is_no_price(self, case: Case) -> None:
        write = case.folder.write
        euros = write("prices.yaml", {**PRICES, "currency": "EUR"})
        said = case.json(
            good(), spec=DEARER, more=("--prices", euros, "--target", write("target.yaml", deployment()))
        )
        assert said["objectives"][3]["verdict"] == "Inconclusive"
        assert "the limit is in USD and the prices are in EUR" in said["objectives"][3]["message"]


def kept(**status: Any) -> dict[str, Any]:
    """A result as the API server keeps it."""
    return {
        "apiVersion": "tollgate.dev/v1alpha1",
        "kind": "Benchmark",
        "metadata": {"name": "digits-7", "namespace": "vision", "managedFields": [{"manager": "tollgate"}]},
        "spec": {"profileRef": {"name": "digits-steady"}, "target": {"name": "digits"}},
        "status": {"phase": "Succeeded", "result": good().dump()} | status,
    }


class TestForms:
    """A result in whichever way it was kept."""

    def checked(self, case: Case, name: str, content: Any) -> dict[str, Any]:
        write = case.folder.text if isinstance(content, str) else case.folder.write
        arguments = [*case.given(good()), "--result", write(name, content), "-o", "json"]
        ran = case.terminal.run(*arguments)
        assert ran.code == 0, ran
        source: dict[str, Any] = json.loads(ran.out)["result"]
        assert source["file"].endswith(name)
        return source

    def test_as_the_load_generator_prints_it(self, case: Case) -> None:
        assert self.checked(case, "plain.json", good())["form"] == "a BenchmarkResult"

    def test_as_the_load_generator_leaves_it(self, case: Case) -> None:
        assert self.checked(case, "log", encode(good()))["form"] == "the load generator's output file"

    @pytest.mark.parametrize("name", ["bench.json", "bench.yaml"])
    def test_as_kubectl_gets_it(self, case: Case, name: str) -> None:
        assert self.checked(case, name, kept())["form"] == "Benchmark vision/digits-7"

    def test_from_standard_input(self, case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(kept())))
        assert case.terminal.run(*case.given(good()), "--result", "-").code == 0

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            ({"phase": "Failed", "result": None}, "has no result, its phase is Failed"),
            (
                {"result": None, "operatingPoints": [{}]},
                "is a sweep: take the Benchmark of one of its points",
            ),
            ({"phase": "Running", "result": None}, "has no result, its phase is Running"),
        ],
    )
    def test_an_unfinished_benchmark(self, case: Case, content: dict[str, Any], said: str) -> None:
        path = case.folder.write("bench.yaml", kept(**content))
        sentence = case.terminal.refuses(*case.given(good()), "--result", path)
        assert f"bench.yaml: Benchmark vision/digits-7 {said}" in sentence

    def test_a_benchmark_without_status(self, case: Case) -> None:
        unfinished = kept()
        del unfinished["status"]
        path = case.folder.write("bench.yaml", unfinished)
        assert "it was not measured yet" in case.terminal.refuses(*case.given(good()), "--result", path)

    def test_an_error_of_the_load_generator(self, case: Case) -> None:
        path = case.folder.text("log", encode_error("the plan is wrong: targets"))
        sentence = case.terminal.refuses(*case.given(good()), "--result", path)
        assert sentence.endswith("log holds no result: the plan is wrong: targets")


class TestTable:
    def test_columns_are_aligned_and_every_message_is_there(self, case: Case) -> None:
        lines = case.run(good(overLimit=SLOW), baseline=good()).out.splitlines()
        assert lines[1] == ""
        header, *rows = lines[2:6]
        assert header.split() == [
            "OBJECTIVE", "VERDICT", "OBSERVED", "INTERVAL", "LIMIT", "REQUESTS", "OVER", "BASELINE",
        ]  # fmt: skip
        for column in ("VERDICT", "INTERVAL", "LIMIT", "BASELINE"):
            at = header.index(column)
            assert all(row[at - 1] == " " and row[at] != " " for row in rows), column
        assert [row.split()[0] for row in rows] == ["tail", "mean", "errs"]
        assert "p99 <= 250ms" in rows[0]
        assert rows[0].split()[-3:] == ["2,400", "60", "Equal"]
        assert lines[7].startswith("  tail: stage steady: 60 of 2,400 requests slower than 250ms")

    def test_what_a_pod_wrote_can_not_move_the_terminal(self, case: Case) -> None:
        ran = case.run(good(clientLimited="\x1b[2Jlate\x00"))
        assert ran.code == 2
        assert "\x1b" not in ran.out
        assert "\x00" not in ran.out
        assert "late" in ran.out


class TestJUnit:
    def suite(self, case: Case, *arguments: Any, **named: Any) -> tuple[int, ET.Element]:
        ran = case.run(*arguments, more=("-o", "junit"), **named)
        root = ET.fromstring(ran.out)
        assert root.tag == "testsuites"
        (suite,) = root
        return ran.code, suite

    def test_a_case_an_objective(self, case: Case) -> None:
        code, suite = self.suite(case, good(overLimit=SLOW, blocks=[]))
        assert code == 1
        assert [suite.get(key) for key in ("tests", "failures", "errors")] == ["3", "1", "1"]
        tail, mean, errs = suite.iter("testcase")
        assert [one.get("name") for one in (tail, mean, errs)] == ["tail", "mean", "errs"]
        assert {one.get("classname") for one in (tail, mean, errs)} == {"vision/digits"}
        failure, error = tail.find("failure"), mean.find("error")
        assert failure is not None
        assert error is not None
        assert failure.get("type") == "Breach"
        assert "60 of 2,400 requests slower than 250ms" in (failure.get("message") or "")
        assert error.get("type") == "TooFewRequests"
        assert errs.find("failure") is errs.find("error") is None
        assert "0 of 2,400 requests failed" in (errs.findtext("system-out") or "")

    def test_properties_hold_the_numbers(self, case: Case) -> None:
        _, suite = self.suite(case, good())
        whole = {p.get("name"): p.get("value") for p in suite.findall("properties/property")}
        assert (whole["confidence"], whole["verdict"]) == ("0.99", "Within")
        (tail, *_) = suite.iter("testcase")
        numbers = {p.get("name"): p.get("value") for p in tail.findall("properties/property")}
        assert numbers == {
            "limit": "250ms", "observed": "110ms", "low": "105.2ms", "high": "140.9ms", "requests": "2400",
            "overLimit": "0",
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("trade_offs", "tag"), [("RequireSignOff", "failure"), ("Forbid", "failure"), ("Allow", "system-out")]
    )
    def test_the_comparison_is_a_case_of_its_own(self, case: Case, trade_offs: str, tag: str) -> None:
        spec = {"tradeOffs": trade_offs}
        code, suite = self.suite(case, good(), spec=spec, baseline=good(**FASTER))
        compared = list(suite.iter("testcase"))[-1]
        assert compared.get("name") == "against the baseline"
        assert compared.find(tag) is not None
        assert (code == 0) == (suite.get("failures") == "0")

    def test_not_comparable_is_an_error(self, case: Case) -> None:
        code, suite = self.suite(case, good(), baseline=good().model_copy(update={"pods": 3}))
        assert (code, suite.get("errors")) == (2, "1")

    def test_it_stays_xml_whatever_a_pod_wrote(self, case: Case) -> None:
        _, suite = self.suite(case, good(clientLimited="\x00<&]]>\x1bé"))
        error = next(suite.iter("error"))
        assert "<&]]>" in (error.text or "")
        assert (error.text or "").endswith("é")


class TestInTurn:
    def test_result_that_was_measured_in_turn_brings_its_baseline(self, case: Case) -> None:
        worse = turns(mean=ratio(1.3, baseline="38ms"))
        ran = case.run(paired(worse))
        assert ran.code == 3
        assert "worse than the baseline in mean" in ran.out
        assert "result.json, measured in turn with it: 2 pods, steady" in ran.out
        said = case.json(paired(worse))
        assert said["baseline"]["form"] == "measured in turn with it"
        assert said["relation"] == "Dominated"

    def test_same_is_within(self, case: Case) -> None:
        ran = case.run(paired())
        assert ran.code == 0
        assert "and none is worse than the baseline" in ran.out

    def test_file_that_is_named_is_compared_with_instead(self, case: Case) -> None:
        said = case.json(paired(turns(mean=ratio(1.3))), baseline=good())
        assert said["baseline"]["file"].endswith("baseline.json")
        assert said["relation"] == "Equal"

    def test_policy_that_compares_with_nothing_looks_at_the_limits_alone(self, case: Case) -> None:
        none = {"benchmark": {"profileRef": {"name": "digits-steady"}, "baseline": "None"}}
        assert case.run(paired(turns(mean=ratio(1.3))), spec=none).code == 0

    def test_pods_of_both_arms_are_priced(self, case: Case) -> None:
        prices = case.folder.write("prices.yaml", PRICES)
        target = case.folder.write("target.yaml", deployment("2"))
        before = case.folder.write("before.yaml", deployment("1"))
        more = ("--prices", prices, "--target", target)
        same = case.json(paired(), spec=DEARER, more=more)
        assert same["relation"] == "Equal"
        assert same["notes"]
        dearer = case.json(paired(), spec=DEARER, more=(*more, "--baseline-target", before))
        assert dearer["relation"] == "Dominated"
        assert "cost is worse" in dearer["relationMessage"]
