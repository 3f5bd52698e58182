"""The inputs of a benchmark from here: in a file of their own, or in the ConfigMap beside the profile."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path

from tollgate.api.profiles import BenchmarkProfileSpec
from tollgate.bench.dataset import Dataset, parse_dataset
from tollgate.cli.documents import manifests, named


def read_dataset(profile: BenchmarkProfileSpec, profile_file: str, dataset_file: str | None) -> Dataset:
    """The dataset of a profile. ValueError, one sentence, where it is not, or is wrong."""
    where = dataset_file or profile_file
    try:
        data = Path(dataset_file).read_bytes() if dataset_file else _beside(profile, profile_file)
        return parse_dataset(data)
    except OSError as error:
        raise ValueError(f"{where} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def _beside(profile: BenchmarkProfileSpec, path: str) -> bytes:
    source = profile.dataset.config_map
    for one in manifests(path) if path != "-" else []:
        if one.get("kind") == "ConfigMap" and named(one).rpartition("/")[2] == source.name:
            text, packed = (_part(one, field, source.key) for field in ("data", "binaryData"))
            if text is not None:
                return text.encode()
            if packed is not None:
                return _unpacked(packed, source.name)
    raise ValueError(
        f"the profile takes its dataset from key {source.key} of ConfigMap {source.name}, which is not in this file: "
        "pass --dataset FILE"
    )


def _part(config_map: dict[str, object], field: str, key: str) -> str | None:
    values = config_map.get(field)
    found = values.get(key) if isinstance(values, dict) else None
    return found if isinstance(found, str) else None


def _unpacked(packed: str, name: str) -> bytes:
    try:
        return base64.b64decode(packed, validate=True)
    except binascii.Error:
        raise ValueError(f"ConfigMap {name} holds no base64 in binaryData") from None
