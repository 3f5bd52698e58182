from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import yaml

from tollgate.manifests.latch import LATCH, latch_binding, latch_policy
from tollgate.manifests.names import GOVERNED

CHART = Path(__file__).parents[3] / "charts/tollgate"


def test_the_latch(golden: Callable[..., None]) -> None:
    golden("latch", latch_policy(), latch_binding())


def test_the_chart_installs_this_latch() -> None:
    installed = list(yaml.safe_load_all((CHART / "files/latch.yaml").read_text()))
    assert installed == [latch_policy(), latch_binding()]


def test_a_label_removed_in_the_same_write_does_not_open_it() -> None:
    governed = latch_policy()["spec"]["matchConditions"][0]["expression"]
    assert governed.count(GOVERNED) == 2
    assert "oldObject.metadata" in governed


def test_it_fails_closed_and_is_bound_everywhere() -> None:
    assert latch_policy()["spec"]["failurePolicy"] == "Fail"
    assert latch_binding()["spec"] == {"policyName": LATCH}
