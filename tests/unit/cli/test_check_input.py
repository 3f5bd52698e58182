"""What `tollgate check` says of files that it cannot use."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.cli.checking import Case
from tests.unit.cli.files import DEARER, OBJECTIVES, PRICES, budget, deployment, good
from tests.unit.cli.running import Terminal


def refused(case: Case, **spec: Any) -> str:
    return case.terminal.refuses(*case.given(good(), spec=spec))


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"tradeofs": "Allow"}, "spec.tradeofs is no field of this kind"),
        ({"trade_offs": "Allow"}, "spec.trade_offs is no field of this kind"),
        ({"tradeOffs": "Maybe"},
         "spec.tradeOffs: input should be 'RequireSignOff', 'Forbid' or 'Allow', not \"Maybe\""),
        ({"owners": []}, "spec.owners: list should have at least 1 item"),
        ({"confidence": 0.99}, 'spec.confidence: write it in quotes, with its unit where it has one: "0.99"'),
        ({"objectives": [{**OBJECTIVES[0], "max": "250"}]},
         "spec.objectives[0]: Latency: write max as a duration above 0, such as 250ms or 1.5s, not '250'"),
        ({"objectives": [{**OBJECTIVES[0], "max": "0.4USD"}]}, "Latency: write max as a duration above 0"),
        ({"objectives": [{**OBJECTIVES[0], "maxx": "1s"}]}, "spec.objectives[0].maxx is no field of this kind"),
        ({"objectives": [OBJECTIVES[0], OBJECTIVES[0]]}, "each item needs a name of its own; given twice: tail"),
        ({"objectives": [OBJECTIVES[0]], "owners": [], "mode": "x"}, "(and 1 more problem)"),
    ],
)  # fmt: skip
def test_a_wrong_budget(case: Case, spec: dict[str, Any], said: str) -> None:
    sentence = refused(case, **spec)
    assert "budget.yaml: EfficiencyBudget vision/digits: " in sentence
    assert said in sentence


def test_a_missing_field(case: Case) -> None:
    lacking = budget()
    del lacking["spec"]["target"]
    arguments = case.given(good())
    case.folder.write("budget.yaml", lacking)
    assert case.terminal.refuses(*arguments).endswith("vision/digits: spec.target is missing")


def test_the_one_budget_among_other_objects(case: Case) -> None:
    arguments = case.given(good())
    case.folder.write("budget.yaml", deployment(), budget(), {"kind": "ConfigMap"})
    assert case.terminal.run(*arguments).code == 0


def test_several_budgets_need_a_name(case: Case) -> None:
    arguments = case.given(good())
    strict = [{**OBJECTIVES[0], "max": "1us"}]
    case.folder.write("budget.yaml", budget(), budget("other", objectives=strict))
    sentence = case.terminal.refuses(*arguments)
    assert sentence.endswith(
        "holds 2 objects of kind EfficiencyBudget (vision/digits, vision/other): choose one with --name"
    )
    assert case.terminal.run(*arguments, "--name", "digits").code == 0
    assert "1us were not counted" in case.terminal.run(*arguments, "--name", "vision/other").out
    assert "holds no EfficiencyBudget third, but" in case.terminal.refuses(*arguments, "--name", "third")


def test_another_version_of_the_api(case: Case) -> None:
    arguments = case.given(good())
    case.folder.write("budget.yaml", {**budget(), "apiVersion": "tollgate.dev/v9"})
    assert "apiVersion is 'tollgate.dev/v9', not tollgate.dev/v1alpha1" in case.terminal.refuses(*arguments)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "holds no EfficiencyBudget, but no object at all"),
        ("- 1\n", "holds no EfficiencyBudget, but no object at all"),
        ("kind: [\n", "is not YAML (line 2)"),
        ("a: 1\na: 2\n", "is not YAML (line 2): a is given twice"),
        ("? [a]\n: 1\n", "is not YAML"),
        ("[" * 5000, "is not YAML"),
        ("{" * 3, "is not JSON"),
        ("kind: EfficiencyBudget\nmetadata: 3\n", "EfficiencyBudget without a name: apiVersion is None"),
        ("\ttab", "is not YAML"),
    ],
)  # fmt: skip
def test_what_is_no_manifest(case: Case, content: str, said: str) -> None:
    arguments = case.given(good())
    case.folder.text("budget.yaml", content)
    assert said in case.terminal.refuses(*arguments)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"errors": -1}, "stages[0].errors: input should be greater than or equal to 0, not -1"),
        ({"errors": 3000}, "stages[0]: stage steady: more errors (3000) than requests (2400)"),
        ({"requests": float("nan")}, "stages[0].requests: input should be a finite number"),
        ({"requests": 10**30}, "stages[0].requests: "),
        ({"mean": "50"}, "stages[0].mean: string should match pattern"),
        ({"slow": 3}, "stages[0].slow is no field of this kind"),
    ],
)
def test_a_result_that_does_not_add_up(case: Case, change: dict[str, Any], said: str) -> None:
    result = good().dump()
    result["stages"][0] |= change
    sentence = case.terminal.refuses(*case.given(result))
    assert "result.json: " in sentence
    assert said in sentence


def test_an_empty_result(case: Case) -> None:
    assert "stages: list should have at least 1 item" in case.terminal.refuses(
        *case.given({**good().dump(), "stages": []})
    )


@pytest.mark.parametrize(
    "content", ["", "[]", "3", '"text"', "{}", "null", '{"kind": "Pod"}', "a: 1\n---\nb: 2"]
)
def test_what_is_no_result(case: Case, content: str) -> None:
    path = case.folder.text("other", content)
    sentence = case.terminal.refuses(*case.given(good()), "--result", path)
    assert "expected a result as tollgate bench run writes it" in sentence


def test_files_that_can_not_be_read(case: Case) -> None:
    arguments = case.given(good())
    assert "nowhere.json cannot be read: No such file or directory" in case.terminal.refuses(
        *arguments, "--result", "nowhere.json"
    )
    assert "cannot be read: Is a directory" in case.terminal.refuses(*arguments, "--result", case.folder.path)
    binary = case.folder.path / "binary"
    binary.write_bytes(b"\xff\xfe\x00")
    assert "binary is not text in UTF-8" in case.terminal.refuses(*arguments, "--result", binary)


@pytest.mark.parametrize(
    ("prices", "said"),
    [
        ({**PRICES, "cpuCoreHour": 0.03}, 'cpuCoreHour: write it as a decimal in quotes, such as "0.04"'),
        ({**PRICES, "diskHour": "1"}, "diskHour is no field"),
        ({**PRICES, "gpuHour": "-1"}, "gpuHour: input should be greater than or equal to 0"),
        ({"currency": "USD"}, "cpuCoreHour, memoryGiBHour, gpuHour are missing"),
        ({"currency": "USD", "openCost": {}}, "openCost has prices of the nodes of a cluster"),
        ([1], "holds no prices"),
    ],
)
def test_wrong_prices(case: Case, prices: Any, said: str) -> None:
    path = case.folder.write("prices.yaml", prices)
    sentence = case.terminal.refuses(*case.given(good()), "--prices", path)
    assert "prices.yaml" in sentence
    assert said in sentence


def test_wrong_target(case: Case) -> None:
    write = case.folder.write
    prices = write("prices.yaml", PRICES)
    for other, said in (
        (deployment(name="other"), "holds no Deployment digits, but Deployment vision/other"),
        ({**deployment(), "spec": {}}, "Deployment vision/digits has no pod template with containers"),
    ):
        arguments = case.given(good(), spec=DEARER)
        target = write("target.yaml", other)
        sentence = case.terminal.refuses(*arguments, "--prices", prices, "--target", target)
        assert said in sentence


def test_options(terminal: Terminal) -> None:
    assert "Missing option '-f' / '--filename'" in terminal.refuses("check")
    assert "No such option '--bogus'" in terminal.refuses("check", "--bogus")
