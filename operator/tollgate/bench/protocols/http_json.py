"""Plain JSON over HTTP: the input under its name, the rest of the body from the profile."""

from __future__ import annotations

from typing import Any

from tollgate.bench.protocols.base import Spoken, compact


class PlainJSON(Spoken):
    """POST {inputName: input, ...parameters} to the profile's path."""

    prediction = "prediction"

    @property
    def path(self) -> str:
        return str(self.profile.path)

    def body(self, value: Any) -> bytes:
        return compact({**self.parameters, self.profile.input_name: value})
