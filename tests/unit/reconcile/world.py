"""A fake cluster for unit tests: an in-memory API server, much simplified controllers, and a traffic model.

It exists to run whole releases in milliseconds and to kill the operator between any two API writes. What the real
API server, the real Deployment controller and a real Prometheus do is tested in tests/contract and tests/e2e.
"""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.unit.reconcile.behaviour import Behaviour, measurement
from tollgate.api import transport
from tollgate.api.decision import DecisionSpec
from tollgate.decide.replay import replay
from tollgate.errors import Conflict, Denied, WebhookError
from tollgate.manifests.approver import APPROVER, NOT_BY_THAT_PERSON
from tollgate.ports import (
    DECISION,
    Kind,
    Object,
    Samples,
)

SCRAPE = 5.0
OPERATOR = "system:serviceaccount:tollgate-system:tollgate"
START = datetime(2026, 1, 1, tzinfo=UTC)
APPROVER_REFUSAL = (
    'create EfficiencySignOff vision/x: efficiencysignoffs.tollgate.dev "x" is forbidden: ValidatingAdmissionPolicy '
    f"'{APPROVER}' with binding '{APPROVER}' denied request: {NOT_BY_THAT_PERSON}: you are system:serviceaccount:"
    "tollgate-system:tollgate, and spec.approver.username is tollgate:somebody-else"
)


class Killed(BaseException):
    """The operator was killed right after a write."""


def as_sent(obj: Any) -> Any:
    """A copy of what came or goes as JSON, and of nothing else: a date or a tuple would not survive a real request."""
    return json.loads(json.dumps(obj))


def merge(into: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, Mapping):
        return as_sent(patch)
    result = dict(into) if isinstance(into, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


class World:
    """Cluster, Metrics, Clock and Events in one."""

    def __init__(self) -> None:
        self.time = START
        self.objects: dict[tuple[str, str, str], Object] = {}
        self.versions: dict[str, Behaviour] = {}
        self.notices: list[tuple[str, str, str]] = []
        self.writes: list[str] = []
        self.kill_after: int | None = None
        self.prometheus_down = False
        self.unscraped: set[str] = set()  # pods that Prometheus has never seen
        self.node_costs: dict[str, dict[str, float]] = {}  # what OpenCost exports: by node and series
        self.asked_opencost = 0
        self.traffic = 40.0
        self.has_admission_latch = True
        self.schedules_on = "node-1"  # where new pods go
        self.hidden: set[str] = set()  # resources that the operator may not read
        self.checks_approvers = True
        self.may_patch_config_maps = True
        self.calls: list[tuple[str, Object]] = []  # of webhooks
        self.webhook_down = False
        self.me: Object = {"username": OPERATOR}
        self._counters: dict[str, list[tuple[float, float, float, float]]] = {}
        self._uids = 0
        self._random = random.Random(7)

    # ---- ports.Clock, ports.Events
    def now(self) -> datetime:
        return self.time

    async def publish(self, about: Object, type_: str, reason: str, message: str) -> None:
        self.notices.append((type_, reason, message))

    # ---- ports.Cluster
    async def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        if kind.plural in self.hidden:
            raise Denied(f"get {kind.kind} {name}: forbidden")
        found = self.objects.get((kind.plural, namespace, name))
        return as_sent(found) if found else None

    async def list(self, kind: Kind, namespace: str, labels: str = "") -> list[Object]:
        wanted = dict(part.split("=", 1) for part in labels.split(",") if part)
        return [as_sent(o) for o in self._all(kind.plural, namespace) if self._matches(o, wanted)]

    async def create(self, obj: Object, *, dry_run: bool = False) -> Object:
        if dry_run:
            if self.checks_approvers:
                raise Denied(APPROVER_REFUSAL)
            return as_sent(obj)
        if obj["kind"] == "SelfSubjectReview":  # stored nowhere
            return {**obj, "status": {"userInfo": self.me}}
        if obj["kind"] == "SelfSubjectAccessReview":
            return {**obj, "status": {"allowed": self.may_patch_config_maps}}
        if obj["kind"] == DECISION.kind:
            decided_again = replay(DecisionSpec.model_validate(obj["spec"]))
            assert decided_again.same, decided_again
        made = self.put(obj)
        self._wrote(f"create {made['kind']} {made['metadata']['name']}")
        return made

    async def patch(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        body: Mapping[str, Any],
        *,
        uid: str = "",
        resource_version: str = "",
        subresource: str = "",
    ) -> Object:
        key = (kind.plural, namespace, name)
        old = self.objects.get(key)
        if old is None or (uid and old["metadata"]["uid"] != uid):
            raise Conflict(f"{kind.kind} {name} is gone")
        if resource_version and old["metadata"]["resourceVersion"] != resource_version:
            raise Conflict(f"{kind.kind} {name} has changed")
        new = merge(old, body)
        if subresource != "status" and new.get("spec") != old.get("spec"):
            new["metadata"]["generation"] += 1
        self._store(key, new)
        self._wrote(f"patch {kind.kind} {name} {dict(body)}" if subresource != "status" else f"status {name}")
        return as_sent(new)

    async def delete(self, kind: Kind, namespace: str, name: str, *, uid: str) -> None:
        found = self.objects.get((kind.plural, namespace, name))
        if found is not None and found["metadata"]["uid"] == uid:
            del self.objects[(kind.plural, namespace, name)]
            self._collect_garbage()
        self._wrote(f"delete {kind.kind} {name}")

    async def serves(self, kind: Kind) -> bool:
        return self.has_admission_latch

    # ---- ports.Webhooks
    names = ("shed-load",)

    async def call(self, name: str, body: Object) -> None:
        if self.webhook_down:
            raise WebhookError(f"webhook {name} answered with HTTP 503")
        self.calls.append((name, as_sent(body)))
        self._wrote(f"call {name}")

    # ---- ports.Metrics
    async def samples(self, query: str, at: datetime) -> list[Samples]:
        from tollgate.errors import MetricsError

        if self.prometheus_down:
            raise MetricsError("Prometheus at http://prometheus refused the connection")
        if "node_total_hourly_cost" in query:
            return self._opencost(query, at)
        series = re.match(r"[\w:]+", query)
        pods = re.search(r'pod=~"([^"]*)"', query)
        window = re.search(r"\[(\d+)s\]", query)
        assert series
        assert pods or 'service="digits"' in query, (
            "of pods, or of a Service, whose gateway runs in each of its pods"
        )
        assert window
        pattern, name = re.compile(pods[1].replace("\\\\", "\\") if pods else ".*"), series[0]
        begin, end = at.timestamp() - int(window[1]), at.timestamp()
        out: list[Samples] = []
        for pod, points in self._counters.items():
            if not pattern.fullmatch(pod) or pod in self.unscraped:
                continue
            rows = [p for p in points if begin < p[0] <= end]
            for le, column in self._columns(name, rows):
                labels = {"pod": pod, "namespace": "vision"} | ({"le": le} if le else {})
                if rows:
                    out.append(
                        Samples(labels, [(row[0], value) for row, value in zip(rows, column, strict=True)])
                    )
        return out

    def _opencost(self, query: str, at: datetime) -> list[Samples]:
        self.asked_opencost += 1
        nodes = re.search(r'node=~"([^"]*)"', query)
        assert nodes
        return [
            Samples({"__name__": series, "node": node}, [(at.timestamp(), value)])
            for node, told in self.node_costs.items()
            if re.fullmatch(nodes[1].replace("\\\\", "\\"), node)
            for series, value in told.items()
        ]

    @staticmethod
    def _columns(
        name: str, rows: list[tuple[float, float, float, float]]
    ) -> Iterator[tuple[str, list[float]]]:
        if name.endswith("_bucket"):
            # whole numbers, as what a float loses by a subtraction would look like a counter that began anew
            counts = [(float(int(n)), float(int(slow))) for _, n, slow, _ in rows]
            yield "0.1", [float(int((n - slow) * 0.9)) for n, slow in counts]
            yield "0.25", [n - slow for n, slow in counts]
            yield "1.0", [n for n, _ in counts]
            yield "+Inf", [n for n, _ in counts]
        elif name.endswith("_count"):
            yield "", [float(int(n)) for _, n, _, _ in rows]
        elif name.endswith("_sum"):
            yield "", [total for _, _, _, total in rows]
        elif name == "process_cpu_seconds_total":
            yield "", [(at - START.timestamp()) / 2 for at, *_ in rows]
        elif name == "process_resident_memory_bytes":
            yield "", [2.0**28 for _ in rows]
        else:
            yield "", [float(name == "up") for _ in rows]

    # ---- the user's side
    def put(self, obj: Object) -> Object:
        kind = obj["kind"]
        plural = {"EfficiencyBudget": "efficiencybudgets", "Benchmark": "benchmarks"}.get(kind)
        plural = plural or {"EfficiencyDecision": "efficiencydecisions"}.get(kind) or kind.lower() + "s"
        namespace = obj["metadata"].get("namespace", "")
        self._uids += 1
        name = obj["metadata"].get("name") or f"{obj['metadata']['generateName']}{self._uids:05d}"
        key = (plural, namespace, name)
        if key in self.objects:
            raise Conflict(f"{kind} {key[2]} exists")
        new = as_sent(obj)
        new["metadata"] |= {
            "name": name,
            "uid": f"{self._uids:08d}-uid",
            "creationTimestamp": self.time.isoformat().replace("+00:00", "Z"),
            "generation": 1,
        }
        self._store(key, new)
        return as_sent(new)

    def remove(self, kind: Kind, name: str, namespace: str = "vision") -> None:
        del self.objects[(kind.plural, namespace, name)]
        self._collect_garbage()

    def git_applies(self, version: str, behaviour: Behaviour | None = None, **annotations: str) -> None:
        """Git's manifest is applied: the API server's policy latches a governed Deployment."""
        if behaviour is not None:
            self.versions[version] = copy.copy(behaviour)
        target = self.objects[("deployments", "vision", "digits")]
        new = as_sent(target)
        container = new["spec"]["template"]["spec"]["containers"][0]
        container["image"] = f"digits:{version}"
        if annotations:
            new["spec"]["template"]["metadata"]["annotations"] = annotations
        if new["spec"]["template"] == target["spec"]["template"]:
            return
        if self.has_admission_latch and "tollgate.dev/governed" in (new["metadata"].get("labels") or {}):
            new["spec"]["paused"] = True
        new["metadata"]["generation"] += 1
        self._store(("deployments", "vision", "digits"), new)

    def scale(self, replicas: int) -> None:
        target = self.objects[("deployments", "vision", "digits")]
        target["spec"]["replicas"] = replicas
        target["metadata"]["generation"] += 1

    def serving(self) -> dict[str, int]:
        """Ready pods in the Service's endpoints, by image tag."""
        found: dict[str, int] = {}
        for pod in self._endpoints():
            tag = pod["spec"]["containers"][0]["image"].split(":")[1]
            found[tag] = found.get(tag, 0) + 1
        return found

    def pods(self) -> list[str]:
        """Names of the pods in the Service's endpoints."""
        return [pod["metadata"]["name"] for pod in self._endpoints()]

    # ---- the rest of Kubernetes
    def tick(self, seconds: float = 1.0) -> None:
        """Time goes on; the controllers do their work; users send requests."""
        self.time += timedelta(seconds=seconds)
        for target in self._all("deployments", "vision"):
            self._deployment_controller(target)
        for rs in self._all("replicasets", "vision"):
            self._replica_set_controller(rs)
        for target in self._all("deployments", "vision"):
            self._deployment_status(target)
        for job in self._all("jobs", "vision"):
            self._run_job(job)
        self._traffic(seconds)

    def _all(self, plural: str, namespace: str) -> list[Object]:
        return [o for (p, n, _), o in list(self.objects.items()) if p == plural and n == namespace]

    @staticmethod
    def _matches(obj: Object, labels: Mapping[str, str]) -> bool:
        return all((obj["metadata"].get("labels") or {}).get(k) == v for k, v in labels.items())

    def _store(self, key: tuple[str, str, str], obj: Object) -> None:
        self._uids += 1
        obj["metadata"]["resourceVersion"] = str(self._uids)
        self.objects[key] = obj

    def _wrote(self, what: str) -> None:
        self.writes.append(what)
        if self.kill_after is not None and len(self.writes) >= self.kill_after:
            self.kill_after = None
            raise Killed

    def _collect_garbage(self) -> None:
        while True:
            uids = {o["metadata"]["uid"] for o in self.objects.values()}
            gone = [
                key
                for key, o in self.objects.items()
                if any(ref["uid"] not in uids for ref in o["metadata"].get("ownerReferences") or [])
            ]
            if not gone:
                return
            for key in gone:
                del self.objects[key]

    def _owned(self, plural: str, owner: Object) -> list[Object]:
        uid = owner["metadata"]["uid"]
        return [
            o
            for o in self._all(plural, "vision")
            if any(ref["uid"] == uid for ref in o["metadata"].get("ownerReferences") or [])
        ]

    @staticmethod
    def _bare(template: Object) -> Object:
        bare: Object = as_sent(template)
        (bare["metadata"].get("labels") or {}).pop("pod-template-hash", None)
        return bare

    def _deployment_controller(self, target: Object) -> None:
        selector = target["spec"]["selector"]["matchLabels"]
        for rs in self._owned("replicasets", target):
            if not self._matches(rs, selector):
                del rs["metadata"]["ownerReferences"]
        sets = sorted(self._owned("replicasets", target), key=lambda o: o["metadata"]["creationTimestamp"])
        current = [rs for rs in sets if self._bare(rs["spec"]["template"]) == target["spec"]["template"]]
        replicas = target["spec"]["replicas"]
        if target["spec"].get("paused"):
            active = [rs for rs in sets if rs["spec"]["replicas"] > 0]
            chosen = active[:1] if len(active) == 1 else [] if active else (current or sets[-1:])
            for rs in chosen:
                rs["spec"]["replicas"] = replicas
            return
        if not current:
            name = f"{target['metadata']['name']}-{self._uids:06d}"
            template = as_sent(target["spec"]["template"])
            template["metadata"].setdefault("labels", {})["pod-template-hash"] = f"{self._uids:06d}"
            labels = template["metadata"]["labels"]
            owner = {"uid": target["metadata"]["uid"], "controller": True, "kind": "Deployment", "name": ""}
            meta = {"name": name, "namespace": "vision", "labels": dict(labels), "ownerReferences": [owner]}
            spec = {"replicas": 0, "template": template}
            self.put({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": meta, "spec": spec})
            current = [self.objects[("replicasets", "vision", name)]]
        current[0]["spec"]["replicas"] = replicas
        ready = len([p for p in self._owned("pods", current[0]) if p["status"]["conditions"]])
        if ready >= replicas:
            for rs in sets:
                if rs is not current[0]:
                    rs["spec"]["replicas"] = 0

    def _replica_set_controller(self, rs: Object) -> None:
        pods = self._owned("pods", rs)
        tag = rs["spec"]["template"]["spec"]["containers"][0]["image"].split(":")[1]
        for pod in pods:
            if self.versions[tag].ready:
                pod["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
        for pod in pods[rs["spec"]["replicas"] :]:
            del self.objects[("pods", "vision", pod["metadata"]["name"])]
        for _ in range(rs["spec"]["replicas"] - len(pods)):
            suffix = "".join(self._random.choices("bcdfghjklmnpqrstvwxz2456789", k=5))
            meta = {
                "name": f"{rs['metadata']['name']}-{suffix}",
                "namespace": "vision",
                "labels": dict(rs["spec"]["template"]["metadata"]["labels"]),
                "annotations": dict(rs["spec"]["template"]["metadata"].get("annotations") or {}),
                "ownerReferences": [{"uid": rs["metadata"]["uid"], "controller": True}],
            }
            made = {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": meta,
                "spec": {**rs["spec"]["template"]["spec"], "nodeName": self.schedules_on},
            }
            self.put({**made, "status": {"conditions": [], "podIP": "10.0.0.1"}})
        ready = [p for p in self._owned("pods", rs) if p["status"]["conditions"]]
        rs["status"] = {"readyReplicas": len(ready)}

    def _deployment_status(self, target: Object) -> None:
        sets = self._owned("replicasets", target)
        current = [rs for rs in sets if self._bare(rs["spec"]["template"]) == target["spec"]["template"]]
        ready = sum(rs.get("status", {}).get("readyReplicas", 0) for rs in sets)
        target["status"] = {
            "observedGeneration": target["metadata"]["generation"],
            "replicas": sum(rs["spec"]["replicas"] for rs in sets),
            "updatedReplicas": sum(rs["spec"]["replicas"] for rs in current),
            "readyReplicas": ready,
            "availableReplicas": ready,
        }

    def _endpoints(self) -> list[Object]:
        return [
            pod
            for pod in self._all("pods", "vision")
            if self._matches(pod, {"app": "digits"}) and pod["status"].get("conditions")
        ]

    def _traffic(self, seconds: float) -> None:
        pods = self._endpoints()
        for pod in self._all("pods", "vision"):
            if not pod["status"].get("conditions"):
                continue
            behaviour = self.versions[pod["spec"]["containers"][0]["image"].split(":")[1]]
            points = self._counters.setdefault(pod["metadata"]["name"], [])
            _, n, slow, total = points[-1] if points else (0.0, 0.0, 0.0, 0.0)
            if pod in pods:
                more = self.traffic * seconds / len(pods)
                n, slow = n + more, slow + more * behaviour.live_slow
                total += more * behaviour.mean
            stamp = self.time.timestamp()
            if not points or stamp - points[-1][0] >= SCRAPE:
                points.append((stamp, n, slow, total))
            else:
                points[-1] = (points[-1][0], n, slow, total)  # counted, seen with the next scrape

    def _behaviour(self, deployment: Object) -> Behaviour:
        """That of its image, or of an environment variable that has one of its own."""
        variables = deployment["spec"]["template"]["spec"]["containers"][0].get("env") or ()
        known = (self.versions.get(f"{v['name']}={v['value']}") for v in variables)
        return next((found for found in known if found), self.versions[_tag(deployment)])

    def _run_job(self, job: Object) -> None:
        if self._owned("pods", job):
            return
        name = job["metadata"]["ownerReferences"][0]["name"]
        raw = self.objects[("benchmarks", "vision", name)]
        target = self.objects.get(("deployments", "vision", raw["spec"]["target"]["name"]))
        if target is None:
            return
        against = self.objects.get(
            ("deployments", "vision", (raw["spec"].get("baseline") or {}).get("name", ""))
        )
        plan = json.loads(
            self.objects[("configmaps", "vision", job["metadata"]["name"])]["data"]["plan.json"]
        )
        result = measurement(
            self._behaviour(target),
            raw,
            {"spec": plan["profile"]},
            pods=len(plan["targets"]),
            baseline=self.versions[_tag(against)] if against else None,
            baseline_pods=len(plan["baseline"]),
            steady=(self.time - timedelta(seconds=1), self.time),
        )
        ended = {"exitCode": 0, "message": transport.encode(result)}
        status = {"containerStatuses": [{"name": "bench", "state": {"terminated": ended}}]}
        labels = {"batch.kubernetes.io/controller-uid": job["metadata"]["uid"]}
        owner = [{"uid": job["metadata"]["uid"], "controller": True}]
        meta = {"name": f"{name}-pod", "namespace": "vision", "labels": labels, "ownerReferences": owner}
        self.put(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": meta,
                "spec": {"containers": []},
                "status": status,
            }
        )


def _tag(deployment: Object) -> str:
    """The image tag that a Deployment runs: the version of the model."""
    return str(deployment["spec"]["template"]["spec"]["containers"][0]["image"]).split(":")[1]
