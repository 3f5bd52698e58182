"""The JSON Schema of result files, generated from their model: `python -m tollgate.api.schema [--check] FOLDER`.

The model is the one source. `--check` writes nothing and fails where the file differs from it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tollgate.api.document import API_VERSION, KIND, BenchmarkRun

DIALECT = "https://json-schema.org/draft/2020-12/schema"
NAME = f"{KIND.lower()}.{API_VERSION.rpartition('/')[2]}.schema.json"


def schema() -> str:
    """The schema as a text that is the same for the same model."""
    made = _plain(BenchmarkRun.model_json_schema(by_alias=True))
    made["required"] = ["apiVersion", "kind", *made["required"]]
    head = {"$schema": DIALECT, "$comment": f"Generated from operator/tollgate/api: {API_VERSION} {KIND}."}
    return json.dumps(head | made, indent=2) + "\n"


def _plain(node: Any) -> Any:
    """Without what only the API server understands, and without the titles that repeat each field's name."""
    match node:
        case dict():
            return {
                key: _plain(value)
                for key, value in node.items()
                if not key.startswith("x-kubernetes-") and not (key == "title" and isinstance(value, str))
            }
        case list():
            return [_plain(item) for item in node]
        case _:
            return node


def main(argv: Sequence[str] | None = None) -> int:
    """Writes the schema into the folder; with --check compares, and is 1 where it differs."""
    parser = argparse.ArgumentParser(prog="python -m tollgate.api.schema", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--check", action="store_true", help="write nothing; fail where the file differs")
    options = parser.parse_args(argv)
    path = options.folder / NAME
    same = path.is_file() and path.read_text() == schema()
    if options.check:
        if not same:
            print(f"{path} is not what the model says: run `make crds`", file=sys.stderr)
        return 0 if same else 1
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(schema())
    return 0


if __name__ == "__main__":
    sys.exit(main())
