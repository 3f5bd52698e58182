"""What a pod template declares."""

from __future__ import annotations

from tollgate.api import units
from tollgate.api.facts import Declared, declared


def test_annotations_as_they_are_written() -> None:
    found = declared(
        {"tollgate.dev/parameters": "8B", "tollgate.dev/context-window": "8192tok", "other": "1", "x/y": "2"}
    )
    assert found == Declared(parameters="8B", context_window="8192tok")
    assert declared({}) == Declared()


def test_what_is_too_long_is_cut_and_then_refused() -> None:
    found = declared({"tollgate.dev/parameters": "8" * 100})
    assert isinstance(found.read("parameters", units.parse_model_size), str)


def test_reading_gives_a_value_or_a_reason() -> None:
    found = declared({"tollgate.dev/flops-per-token": "16GFLOP"})
    assert found.read("flops_per_token", units.parse_flops) == 16_000_000_000
    assert found.read("peak_flops", units.parse_flops) == (
        "the pod template has no annotation tollgate.dev/peak-flops: add it"
    )
