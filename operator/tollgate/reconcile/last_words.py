"""What the pods of a benchmark's Job left when they ended: the result of one, or the parts of several as one result.

It comes from pods in a tenant's namespace and is untrusted: `transport` bounds and validates it.
"""

from __future__ import annotations

from collections.abc import Sequence

from tollgate.api import transport
from tollgate.api.benchmark import BenchmarkResult
from tollgate.api.part_transport import decode_part
from tollgate.api.parts import BenchmarkPart
from tollgate.api.profiles import BenchmarkProfileSpec
from tollgate.measure.parts import merge_parts
from tollgate.ports import Object

_INDEX = "batch.kubernetes.io/job-completion-index"
_NOTHING = "it is gone, or was never started"


def result_of(pods: Sequence[Object], profile: BenchmarkProfileSpec, *, over: bool) -> BenchmarkResult | None:
    """The result, as soon as there is one; `over` says that the Job has ended, so no pod will say more.

    ValueError, one sentence, when what the pods left is none.
    """
    if profile.pods == 1:
        message = next((said for said in map(last_words, pods) if said is not None), None)
        return None if message is None else transport.decode(message)
    said = {_index(pod): words for pod in pods if (words := last_words(pod)) is not None}
    missing = [number for number in range(profile.pods) if number not in said]
    if missing and not over:
        return None
    lost = dict.fromkeys(missing, _NOTHING)
    parts: dict[int, BenchmarkPart] = {}
    for number in set(range(profile.pods)) & set(said):
        try:
            parts[number] = decode_part(said[number])
        except ValueError as error:
            lost[number] = str(error)
    return merge_parts(parts, lost, profile.workers)


def _index(pod: Object) -> int:
    """Which of an Indexed Job's pods it is; -1 if it does not say."""
    text = str((pod["metadata"].get("annotations") or {}).get(_INDEX, ""))
    return int(text) if text.isdecimal() else -1


def last_words(pod: Object) -> str | None:
    """What the load generator left when it ended; None while it runs, an error message when it left nothing."""
    for container in (pod.get("status") or {}).get("containerStatuses") or []:
        ended = (container.get("state") or {}).get("terminated")
        if ended is None:
            continue
        if ended.get("message"):
            return str(ended["message"])
        reason = ended.get("reason", "it ended")
        return transport.encode_error(
            f"the load generator left no result: {reason}, exit code {ended.get('exitCode')}"
        )
    if (pod.get("status") or {}).get("phase") == "Failed":
        reason = pod["status"].get("reason", "Failed")
        return transport.encode_error(f"its pod failed: {reason} {pod['status'].get('message', '')}".strip())
    return None
