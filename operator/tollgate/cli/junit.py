"""What `tollgate check` found as a JUnit XML file, which every CI system shows.

A Breach is a `failure`. Inconclusive is an `error`, JUnit's word for a test that could not be carried out: GitLab,
Jenkins and the GitHub actions show it in red beside failures, as the command fails too. They count `skipped` among
what is fine, and no data is never a pass.
"""

from __future__ import annotations

from xml.etree import ElementTree as ET

from tollgate.api.comparison import Against, ParetoRelation
from tollgate.api.verdict import ObjectiveResult, Verdict
from tollgate.cli.report import Checked
from tollgate.cli.tables import printable

_PROPERTIES = (
    "limit", "observed", "low", "high", "requests", "overLimit", "relation", "relationToApproved"
)  # fmt: skip
_CASES = {Against.LAST_GOOD: "against the baseline", Against.APPROVED: "against the approved baseline"}


def junit(checked: Checked) -> str:
    """One test case an objective, and one for each baseline that it was compared with."""
    suite = ET.Element("testsuite", name=printable(f"tollgate check {checked.budget}"), time="0")
    _properties(
        suite,
        {
            "confidence": checked.spec.confidence,
            "verdict": checked.outcome.value,
            "result": checked.result.path,
            "dataset": checked.result.result.dataset,
            "profile": checked.result.result.profile,
        },
    )
    for result in checked.said.objectives:
        _objective(_case(suite, checked, result.name), result)
    for against, name in _CASES.items():
        if against in checked.said.comparisons:
            _comparison(_case(suite, checked, name), checked, against)
    for count, found in (("tests", "testcase"), ("failures", ".//failure"), ("errors", ".//error")):
        suite.set(count, str(len(suite.findall(found))))
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    text: bytes = ET.tostring(root, encoding="us-ascii", xml_declaration=True)  # right in any locale
    return text.decode()


def _objective(case: ET.Element, result: ObjectiveResult) -> None:
    dumped = result.dump()
    _properties(case, {key: str(dumped[key]) for key in _PROPERTIES if dumped.get(key) not in (None, "")})
    if result.verdict is Verdict.BREACH:
        _told(case, "failure", result.verdict.value, result.message)
    elif result.verdict is Verdict.INCONCLUSIVE:
        _told(case, "error", result.reason.value if result.reason else result.verdict.value, result.message)
    else:
        _passed(case, result.message)


def _comparison(case: ET.Element, checked: Checked, against: Against) -> None:
    comparison = checked.said.comparisons[against]
    relation, allowed = comparison.relation, checked.spec.trade_offs == "Allow"
    _properties(case, {"relation": relation.value, "tradeOffs": checked.spec.trade_offs})
    if checked.worse_than(against) and not allowed:
        _told(case, "failure", relation.value, comparison.message)
    elif relation is ParetoRelation.UNKNOWN and against is Against.LAST_GOOD and not allowed:
        _told(case, "error", relation.value, comparison.message)
    else:
        _passed(case, comparison.message)


def _case(suite: ET.Element, checked: Checked, name: str) -> ET.Element:
    return ET.SubElement(suite, "testcase", name=name, classname=printable(checked.budget), time="0")


def _told(case: ET.Element, tag: str, kind: str, message: str) -> None:
    ET.SubElement(case, tag, type=kind, message=printable(message)).text = printable(message)


def _passed(case: ET.Element, message: str) -> None:
    ET.SubElement(case, "system-out").text = printable(message)


def _properties(parent: ET.Element, values: dict[str, str]) -> None:
    properties = ET.SubElement(parent, "properties")
    for name, value in values.items():
        ET.SubElement(properties, "property", name=name, value=printable(value))
