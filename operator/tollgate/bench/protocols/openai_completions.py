"""OpenAI's (older) completions: a prompt goes on."""

from __future__ import annotations

from typing import Any

from tollgate.bench.protocols.openai import OpenAI, words


class OpenAICompletions(OpenAI):
    """An input is a text, or an object of fields of the body."""

    endpoint = "/v1/completions"
    prediction = "choices[0].text"

    def asked(self, value: Any) -> dict[str, Any]:
        if isinstance(value, str):
            return {"prompt": value}
        if isinstance(value, dict) and isinstance(value.get("prompt"), str):
            return value
        raise ValueError("its input is no text, and no object with a prompt")

    def new_text(self, choice: dict[str, Any]) -> tuple[str, bool]:
        text = words(choice.get("text"))
        return text, bool(text)

    def document(self, text: str, finish_reason: Any, usage: Any) -> dict[str, Any]:
        return {"choices": [{"text": text, "finish_reason": finish_reason}], "usage": usage}

    def is_empty(self, choice: dict[str, Any]) -> bool:
        return not choice["text"]
