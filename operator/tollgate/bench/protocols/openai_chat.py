"""OpenAI's chat completions, as vLLM, SGLang, llama.cpp, TGI, Ollama and KServe serve them."""

from __future__ import annotations

from typing import Any

from tollgate.bench.protocols.openai import OpenAI, words


class OpenAIChat(OpenAI):
    """An input is a text (one message of the user), a list of messages, or an object of fields of the body."""

    endpoint = "/v1/chat/completions"
    prediction = "choices[0].message.content"

    def asked(self, value: Any) -> dict[str, Any]:
        if isinstance(value, str):
            return {"messages": [{"role": "user", "content": value}]}
        if isinstance(value, list) and value and all(isinstance(m, dict) and "role" in m for m in value):
            return {"messages": value}
        if isinstance(value, dict) and isinstance(value.get("messages"), list):
            return value
        raise ValueError("its input is no text, no list of messages with a role, and no object with messages")

    def new_text(self, choice: dict[str, Any]) -> tuple[str, bool]:
        delta = choice.get("delta") or {}
        text = words(delta.get("content"))
        thought = delta.get("reasoning_content") or delta.get("reasoning") or delta.get("refusal")
        return text, bool(text or thought or delta.get("tool_calls") or delta.get("function_call"))

    def document(self, text: str, finish_reason: Any, usage: Any) -> dict[str, Any]:
        message = {"role": "assistant", "content": text}
        return {"choices": [{"message": message, "finish_reason": finish_reason}], "usage": usage}

    def is_empty(self, choice: dict[str, Any]) -> bool:
        message = choice["message"]
        generated = ("content", "reasoning_content", "reasoning", "refusal", "tool_calls", "function_call")
        return not any(message.get(name) for name in generated)
