"""The templates that become configuration: every placeholder has a value, and the result parses."""

from __future__ import annotations

from string import Template
from typing import Any

import pytest
import yaml

from tests.cluster import paths, say

CONFIGS = sorted(path.name for path in paths.CONFIG.iterdir() if path.suffix in {".yaml", ".conflist"})
MANIFESTS = sorted(path.name for path in paths.MANIFESTS.glob("*.yaml"))


class Anything(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "7"


@pytest.mark.parametrize("name", CONFIGS)
def test_configurations_parse(name: str) -> None:
    assert isinstance(
        yaml.safe_load(Template((paths.CONFIG / name).read_text()).substitute(Anything())), dict
    )


@pytest.mark.parametrize("name", MANIFESTS)
def test_manifests_select_the_pods_they_make(name: str) -> None:
    documents: list[dict[str, Any]] = list(
        yaml.safe_load_all(Template((paths.MANIFESTS / name).read_text()).substitute(Anything()))
    )
    (deployment,) = (document for document in documents if document["kind"] == "Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    (service,) = (document for document in documents if document["kind"] == "Service")
    assert service["spec"]["selector"].items() <= labels.items()
    assert deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()


@pytest.mark.parametrize(("seconds", "text"), [(0.44, "0.4 s"), (38.2, "38 s"), (432, "7 min 12 s")])
def test_durations_read_naturally(seconds: float, text: str) -> None:
    assert say.duration(seconds) == text
