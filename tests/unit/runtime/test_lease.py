"""Leader election on virtual time, against a fake API server that keeps one Lease."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Mapping
from typing import Any

import pytest

from tollgate.errors import Conflict, Unavailable
from tollgate.ports import Kind, Object
from tollgate.runtime.lease import Lease


class FakeApi:
    """One Lease with a resource version, shared by all candidates. Fake: merge patch is one level deep."""

    def __init__(self) -> None:
        self.lease: Object | None = None
        self.down = False
        self.hanging = False
        self.writes = 0

    async def _answer(self) -> None:
        if self.hanging:
            await asyncio.Event().wait()
        await asyncio.sleep(0.01)
        if self.down:
            raise Unavailable("get Lease: connection refused")

    async def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        await self._answer()
        return copy.deepcopy(self.lease)

    async def create(self, obj: Object, *, dry_run: bool = False) -> Object:
        await self._answer()
        if self.lease is not None:
            raise Conflict("create Lease: it exists")
        self._store(copy.deepcopy(obj))
        return obj

    async def patch(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        body: Mapping[str, Any],
        *,
        resource_version: str = "",
        **_: Any,
    ) -> Object:
        await self._answer()
        assert self.lease is not None
        if resource_version != self.lease["metadata"]["resourceVersion"]:
            raise Conflict("patch Lease: it changed")
        spec = self.lease["spec"] | body["spec"]
        self._store(
            {**self.lease, "spec": {field: value for field, value in spec.items() if value is not None}}
        )
        return self.lease

    def _store(self, lease: Object) -> None:
        self.writes += 1
        self.lease = lease
        lease["metadata"] = {**lease["metadata"], "resourceVersion": str(self.writes)}

    @property
    def holder(self) -> str:
        return str(self.lease["spec"].get("holderIdentity", "")) if self.lease else ""


class Candidate:
    """An operator that notes when it leads. Its clocks can be set off, as after a suspend."""

    def __init__(self, api: FakeApi, name: str) -> None:
        loop = asyncio.get_running_loop()
        self.suspended = 0.0
        self.lease = Lease(
            api,  # type: ignore[arg-type]
            namespace="tollgate",
            identity=name,
            monotonic=loop.time,
            wall=lambda: 1_800_000_000.0 + loop.time() + self.suspended,
        )
        self.leading = False
        self.terms = 0
        self.task = asyncio.create_task(self.lease.run(self._lead))

    async def _lead(self) -> None:
        self.leading = True
        self.terms += 1
        try:
            await asyncio.Event().wait()
        finally:
            self.leading = False

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])


@pytest.fixture
def run(run_virtual: Any) -> Any:
    return run_virtual


def test_the_first_leads_and_the_second_waits_for_ever(run) -> None:
    async def main() -> None:
        api = FakeApi()
        first = Candidate(api, "first")
        await asyncio.sleep(1)
        second = Candidate(api, "second")
        await asyncio.sleep(600)
        assert (first.leading, second.leading) == (True, False)
        assert first.terms == 1
        assert first.lease.seconds_left() > 0 >= second.lease.seconds_left()
        assert api.lease is not None
        assert api.lease["spec"]["leaseTransitions"] == 1

    run(main())


def test_a_graceful_stop_hands_over_at_once(run) -> None:
    async def main() -> None:
        api = FakeApi()
        first = Candidate(api, "first")
        await asyncio.sleep(1)
        second = Candidate(api, "second")
        await asyncio.sleep(10)
        await first.stop()
        assert not first.leading
        await asyncio.sleep(4)
        assert second.leading
        assert api.holder == "second"

    run(main())


def test_a_dead_leader_is_succeeded_after_its_time(run) -> None:
    async def main() -> None:
        api = FakeApi()
        api.lease = {
            "metadata": {"name": "tollgate", "resourceVersion": "0"},
            "spec": {"holderIdentity": "dead", "leaseDurationSeconds": 15, "leaseTransitions": 4},
        }
        heir = Candidate(api, "heir")
        await asyncio.sleep(15)
        assert not heir.leading
        await asyncio.sleep(5)
        assert heir.leading
        assert api.lease["spec"]["leaseTransitions"] == 5

    run(main())


def test_a_restarted_leader_of_the_same_identity_goes_on_at_once(run) -> None:
    async def main() -> None:
        api = FakeApi()
        api.lease = {
            "metadata": {"name": "tollgate", "resourceVersion": "0"},
            "spec": {"holderIdentity": "pod-1", "leaseDurationSeconds": 15},
        }
        again = Candidate(api, "pod-1")
        await asyncio.sleep(1)
        assert again.leading

    run(main())


@pytest.mark.parametrize("failure", ["down", "hanging"])
def test_a_leader_that_cannot_renew_stops_before_another_may_start(run, failure: str) -> None:
    async def main() -> None:
        api = FakeApi()
        leader = Candidate(api, "leader")
        await asyncio.sleep(30)
        setattr(api, failure, True)
        await asyncio.sleep(10.1)  # its deadline; others wait 15 s
        assert not leader.leading
        assert leader.lease.seconds_left() <= 0
        setattr(api, failure, False)
        await asyncio.sleep(9)
        assert leader.leading
        assert leader.terms == 2

    run(main())


def test_a_short_outage_does_not_end_the_term(run) -> None:
    async def main() -> None:
        api = FakeApi()
        leader = Candidate(api, "leader")
        await asyncio.sleep(30)
        api.down = True
        await asyncio.sleep(5)
        api.down = False
        await asyncio.sleep(60)
        assert leader.leading
        assert leader.terms == 1

    run(main())


def test_a_usurped_leader_stops_at_its_next_look(run) -> None:
    async def main() -> None:
        api = FakeApi()
        leader = Candidate(api, "leader")
        await asyncio.sleep(1)
        assert api.lease is not None
        api.lease["spec"]["holderIdentity"] = "usurper"
        api.lease["metadata"]["resourceVersion"] = "usurped"
        await asyncio.sleep(3.1)
        assert not leader.leading
        assert leader.lease.seconds_left() <= 0

    run(main())


def test_a_suspended_machine_may_not_write_when_it_wakes(run) -> None:
    """The monotonic clock stood still, the wall clock did not."""

    async def main() -> None:
        api = FakeApi()
        leader = Candidate(api, "leader")
        await asyncio.sleep(1)
        assert leader.lease.seconds_left() > 0
        leader.suspended = 3600.0
        assert leader.lease.seconds_left() < 0
        await asyncio.sleep(3)
        assert leader.terms == 2  # it stopped, then acquired the lease anew

    run(main())


def test_two_that_start_together_do_not_both_lead(run) -> None:
    async def main() -> None:
        api = FakeApi()
        candidates = [Candidate(api, f"pod-{i}") for i in range(5)]
        for _ in range(300):
            await asyncio.sleep(0.1)
            assert sum(candidate.leading for candidate in candidates) <= 1
        assert sum(candidate.terms for candidate in candidates) == 1

    run(main())


def test_run_ends_with_what_leads_and_passes_its_error(run) -> None:
    async def main() -> str:
        api = FakeApi()
        lease = Lease(api, namespace="tollgate", identity="a", monotonic=asyncio.get_running_loop().time)  # type: ignore[arg-type]

        async def fails() -> None:
            raise ValueError("a bug")

        with pytest.raises(ValueError, match="a bug"):
            await lease.run(fails)
        return api.holder

    assert run(main()) == ""
