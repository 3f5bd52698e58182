"""What a server used in the steady part of a stage, from raw samples: right, or unknown and why."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.unit.measure.probes import probe
from tollgate.api.benchmark import BenchmarkResult, StageResult
from tollgate.api.metric_profile import MetricProfileSpec
from tollgate.api.server_side import ServerReadings, SteadyWindow
from tollgate.measure.server_side import read_server, scraped_by, steady_parts
from tollgate.ports import Samples

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
T0 = NOON.timestamp()
STEADY = SteadyWindow(since=NOON, until=NOON + timedelta(seconds=60))
EVERY_10 = range(-30, 100, 10)  # seconds from NOON: scrapes before, in and after the steady part


def profile(**server: dict[str, Any]) -> MetricProfileSpec:
    return MetricProfileSpec.model_validate(
        {"scrapeIntervalSeconds": 10, "latency": {"series": "request_seconds"}, "server": server}
    )


CPU = profile(cpu={"series": "cpu"})
MEMORY = profile(memory={"series": "mem"})
ENERGY = profile(energy={"series": "energy", "unit": "mJ"})
GPU = profile(gpuUtilization={"series": "util"}, gpuMemory={"series": "fb", "unit": "MiB"})


def series(values: Any, pod: str = "a", at: Iterable[float] = EVERY_10, **labels: str) -> Samples:
    """A value at each scrape: of a function of the seconds since NOON, or the same one."""
    points = [(T0 + second, float(values(second) if callable(values) else values)) for second in at]
    return Samples({"namespace": "vision", "pod": pod, "instance": f"{pod}:80", **labels}, points)


def read(spec: MetricProfileSpec, *found: Samples, pods: tuple[str, ...] = ("a",)) -> ServerReadings:
    assert spec.server is not None
    return read_server(spec, dict.fromkeys(spec.server.meters, found), STEADY, pods)


def why(spec: MetricProfileSpec, *found: Samples, pods: tuple[str, ...] = ("a",)) -> str:
    [(_, said)] = read(spec, *found, pods=pods).unknown.items()
    return said


def two_cores(second: float) -> float:
    return 1000 + 2 * second


class TestCounters:
    def test_the_growth_within_the_steady_part_and_nothing_else(self) -> None:
        seen = read(CPU, series(lambda s: 1000 + 2 * s if 0 <= s <= 60 else 5000 * (s > 0)))
        assert (seen.cpu_seconds, seen.scrapes, seen.covered) == ("120s", 7, "60s")

    def test_what_no_scrape_covers_goes_on_at_the_rate_that_was_seen(self) -> None:
        seen = read(CPU, series(two_cores, at=range(-25, 100, 10)))  # 5 to 55 s
        assert (seen.cpu_seconds, seen.scrapes, seen.covered) == ("120s", 6, "50s")

    def test_pods_add_up(self) -> None:
        pods = series(two_cores), series(lambda s: s / 2 + 50, pod="b", at=range(3, 60, 10))
        seen = read(CPU, *pods, pods=("a", "b"))
        assert (seen.cpu_seconds, seen.scrapes, seen.covered) == ("150s", 6, "50s"), "the fewest of a pod"

    def test_a_restart_is_no_negative_growth_and_is_told(self) -> None:
        seen = read(CPU, series(lambda s: 2 * s + 100 if s < 30 else 2 * (s - 25)))
        assert seen.cpu_seconds == "110s", "20 s until the scrape at 20, 10 s of a new process, and 60 s"
        assert seen.restarts == 1

    def test_a_container_that_comes_back_under_another_id_goes_on_from_nothing(self) -> None:
        """As cAdvisor has it."""
        old = series(two_cores, at=range(0, 30, 10), container="model", id="/pod/1")
        new = series(lambda s: 2 * (s - 25), at=range(30, 70, 10), container="model", id="/pod/2")
        seen = read(CPU, old, new)
        assert (seen.cpu_seconds, seen.restarts) == ("110s", 1)

    def test_a_meter_that_is_lost_for_a_while_is_not_taken_for_a_new_one(self) -> None:
        """A GPU's counter runs since the machine was started."""
        steady, late = series(two_cores, UUID="GPU-1"), series(two_cores, at=range(20, 70, 10), UUID="GPU-2")
        assert read(CPU, steady, late).cpu_seconds == "240s"

    def test_a_process_scraped_by_two_jobs_counts_once(self) -> None:
        assert read(CPU, series(two_cores, job="x"), series(two_cores, job="y")).cpu_seconds == "120s"

    def test_containers_add_up_though_cadvisor_reads_them_at_other_instants(self) -> None:
        one = series(two_cores, container="model")
        other = series(lambda s: s, at=range(-27, 100, 10), container="proxy")
        assert read(CPU, one, other).cpu_seconds == "180s"

    def test_a_sum_beside_its_parts_is_refused(self) -> None:
        """cAdvisor exports the pod's sum under the same name."""
        said = why(CPU, series(two_cores, container="model"), series(two_cores))
        assert 'for its containers and for their sum: add the matcher container != ""' in said


class TestUnknown:
    @pytest.mark.parametrize("seconds", [[], [30], [-10, 70], range(-60, 0, 10)])
    def test_too_few_scrapes_in_the_steady_part(self, seconds: Iterable[float]) -> None:
        for spec in (CPU, MEMORY):
            seen = read(spec, series(5, at=seconds))
            assert (seen.cpu_seconds, seen.peak_memory, seen.scrapes, seen.covered) == (None, None, 0, None)
            assert seen.unknown

    def test_how_many_are_needed_is_said(self) -> None:
        assert why(CPU, series(two_cores, at=(20, 30))) == (
            "of the 3 scrapes of pod a that are needed in the 60.0 s of the steady part there are 2: make the stage "
            "longer, or scrape more often than every 10 s"
        )
        assert read(CPU, series(two_cores, at=(10, 30, 50))).cpu_seconds == "120s"

    def test_a_stage_shorter_than_two_scrapes(self) -> None:
        slow = profile(cpu={"series": "cpu", "scrapeIntervalSeconds": 60})
        said = why(slow, series(two_cores, at=(30,)))
        assert "of the 2 scrapes of pod a" in said
        assert "there are 1" in said

    def test_a_pod_without_samples_makes_the_reading_unknown_for_all(self) -> None:
        said = why(CPU, series(two_cores), pods=("a", "b"))
        assert said.startswith("Prometheus has no cpu of pod b in the steady part: is it scraped")

    def test_samples_of_pods_that_were_not_loaded_do_not_count(self) -> None:
        assert read(CPU, series(two_cores), series(two_cores, pod="c")).cpu_seconds == "120s"

    def test_a_meter_that_stands_still_is_no_small_use(self) -> None:
        """Energy of a machine without RAPL, or a name that belongs to something else."""
        for spec in (CPU, ENERGY):
            assert "stood still or at 0: it is not metered there" in why(spec, series(7))
        assert "stood still or at 0" in why(MEMORY, series(0))
        assert "of pod b" in why(ENERGY, series(two_cores), series(0, pod="b"), pods=("a", "b"))

    def test_what_cannot_have_been_counted_is_no_sample(self) -> None:
        assert "has no cpu of pod a" in why(CPU, series(float("nan")))

    def test_one_unknown_reading_leaves_the_others(self) -> None:
        spec = profile(cpu={"series": "cpu"}, memory={"series": "mem"})
        seen = read_server(spec, {"cpu": [series(two_cores)], "memory": "Prometheus is away"}, STEADY, ["a"])
        assert (seen.cpu_seconds, seen.unknown) == ("120s", {"peakMemory": "Prometheus is away"})


class TestGauges:
    def test_the_peak_of_the_steady_part_of_the_greatest_pod(self) -> None:
        mine = series(lambda s: 2**30 if s in (-10, 80) else 2**20 * (300 + s))
        seen = read(MEMORY, mine, series(2**20, pod="b"), pods=("a", "b"))
        assert seen.peak_memory == "360Mi"

    def test_processes_of_a_pod_may_peak_at_once(self) -> None:
        workers = [series(2**20 * size, pid=str(size)) for size in (100, 200)]
        assert read(MEMORY, *workers).peak_memory == "300Mi"

    def test_units_are_those_of_the_profile(self) -> None:
        seen = read(GPU, series(50, UUID="GPU-1"))
        assert (seen.gpu_utilization, seen.peak_gpu_memory) == ("50%", "50Mi")
        ratio = profile(gpuUtilization={"series": "util", "unit": "Ratio"})
        assert read(ratio, series(0.5)).gpu_utilization == "50%"
        assert "more than 100 %: is its unit Ratio?" in why(ratio, series(50))

    def test_gpus_are_busy_on_average(self) -> None:
        gpus = series(lambda s: 100 if s < 30 else 0, UUID="GPU-1"), series(40, UUID="GPU-2")
        assert read(profile(gpuUtilization={"series": "util"}), *gpus).gpu_utilization == "41.43%"

    def test_labels_of_another_exporter(self) -> None:
        spec = profile(memory={"series": "mem", "labels": {"namespace": "ns", "pod": "pod_name"}})
        assert read(spec, series(2**20, pod="exporter", pod_name="a")).peak_memory == "1Mi"


class TestSharedGpus:
    def test_energy_in_joules(self) -> None:
        assert read(ENERGY, series(lambda s: 250_000 * (s + 100), UUID="GPU-1")).energy == "15000J"

    def test_a_slice_has_no_meter_of_its_own(self) -> None:
        slices = [series(two_cores, UUID="GPU-1", GPU_I_ID=slice_) for slice_ in ("1", "2")]
        assert why(ENERGY, *slices) == (
            "pod a has a slice of a GPU (GPU_I_ID), and energy is of all of the GPU; attribution: Proportional in the "
            "MetricProfile has it divided"
        )
        assert read(GPU, series(50, UUID="GPU-1", GPU_I_ID="1")).peak_gpu_memory == "50Mi"

    def test_two_pods_on_one_gpu_each_see_all_of_it(self) -> None:
        both = [series(two_cores, pod=pod, UUID="GPU-1") for pod in ("a", "b")]
        assert "pods a, b share GPU-1, and energy is of all of it" in why(ENERGY, *both, pods=("a", "b"))
        apart = [series(two_cores, pod=pod, UUID=f"GPU-{pod}") for pod in ("a", "b")]
        assert read(ENERGY, *apart, pods=("a", "b")).energy == "0.24J"

    def test_a_virtual_gpu_is_shared_with_somebody(self) -> None:
        """Who is not seen: only the loaded pods are asked for."""
        mine = series(two_cores, UUID="GPU-1", vgpu="0")
        assert "pod a has a part of a shared GPU (vgpu), and energy is of all of it; attr" in why(
            ENERGY, mine
        )
        seen = read(GPU, series(50, UUID="GPU-1", vgpu="0"))
        assert set(seen.unknown) == {"gpuUtilization", "peakGpuMemory"}
        assert "attribution" not in " ".join(seen.unknown.values()), "neither can be divided"


DIVIDED = profile(energy={"series": "energy", "unit": "mJ", "attribution": "Proportional"})


def whole(second: float) -> float:
    """100 W, in mJ."""
    return 100_000 * (second + 100)


def divided(*holders: Samples, pods: tuple[str, ...] = ("a",)) -> ServerReadings:
    """What the pods used, of what all who hold their GPUs show."""
    mine = [one for one in holders if one.labels["pod"] in pods]
    return read_server(DIVIDED, {"energy": mine}, STEADY, pods, {"energy": holders})


def undivided(*holders: Samples) -> str:
    [(_, said)] = divided(*holders).unknown.items()
    return said


class TestDividedGpus:
    def test_pods_that_share_a_gpu_bear_equal_parts(self) -> None:
        others = [series(whole, pod=pod, namespace="other", UUID="GPU-1") for pod in ("x", "y", "z")]
        seen = divided(series(whole, UUID="GPU-1"), *others)
        assert (seen.energy, seen.attribution) == ("1500J", "0.25 of GPU-1")

    def test_pods_of_one_name_in_two_namespaces_are_two(self) -> None:
        mine, other = series(whole, UUID="GPU-1"), series(whole, UUID="GPU-1", namespace="other")
        seen = read_server(DIVIDED, {"energy": [mine]}, STEADY, ["a"], {"energy": [mine, other]})
        assert seen.energy == "3000J"

    def test_virtual_gpus_are_parts_of_their_own(self) -> None:
        holders = [
            series(whole, pod=pod, UUID="GPU-1", vgpu=vgpu) for vgpu, pod in zip("0123", "aabx", strict=True)
        ]
        assert divided(*holders).energy == "3000J", "two of four"
        seen = divided(*holders, pods=("a", "b"))
        assert (seen.energy, seen.attribution) == ("4500J", "0.75 of GPU-1")

    def test_slices_bear_by_their_compute_units_what_is_used_of_the_gpu(self) -> None:
        """A slice that nobody holds has no pod."""
        profiles = {"a": "3g.20gb", "x": "2g.10gb", "y": "1g.5gb", "": "1g.5gb"}
        holders = [
            series(whole, pod=pod, UUID="GPU-1", GPU_I_ID=str(i), GPU_I_PROFILE=made)
            for i, (pod, made) in enumerate(profiles.items(), start=1)
        ]
        seen = divided(*holders)
        assert (seen.energy, seen.attribution) == ("3000J", "0.5 of GPU-1")

    def test_who_shares_a_slice_bears_a_part_of_it(self) -> None:
        slices = [("a", "1", "0"), ("x", "1", "1"), ("y", "2", "")]
        holders = [
            series(whole, pod=pod, UUID="GPU-1", GPU_I_ID=i, GPU_I_PROFILE="3g.20gb", vgpu=vgpu)
            for pod, i, vgpu in slices
        ]
        assert divided(*holders).energy == "1500J"

    def test_a_gpu_that_is_not_shared_is_all_of_its_pod(self) -> None:
        seen = divided(series(whole, UUID="GPU-1"), series(whole, pod="x", UUID="GPU-2"))
        assert (seen.energy, seen.attribution) == ("6000J", None)

    def test_whole_gpus_and_shared_ones_add_up(self) -> None:
        mine = [series(whole, UUID=gpu) for gpu in ("GPU-1", "GPU-2")]
        seen = divided(*mine, series(whole, pod="x", UUID="GPU-2"))
        assert (seen.energy, seen.attribution) == ("9000J", "0.5 of GPU-2")

    def test_the_error_is_that_of_the_whole(self) -> None:
        levels = dict(zip(range(0, 70, 10), [0, 10, 40, 50, 80, 90, 120], strict=True))
        mine = series(lambda s: 1000 + levels.get(s, 0), at=range(0, 70, 10), UUID="GPU-1")
        other = series(5, pod="x", at=range(0, 70, 10), UUID="GPU-1")
        assert divided(mine, other).errors == divided(mine).errors

    def test_a_gpu_scraped_by_two_jobs_is_divided_once(self) -> None:
        holders = [
            series(whole, pod=pod, UUID="GPU-1", job=job) for pod in ("a", "x") for job in ("one", "two")
        ]
        assert divided(*holders).energy == "3000J"


class TestCannotBeDivided:
    def test_pods_that_come_or_go_meanwhile(self) -> None:
        mine = series(whole, UUID="GPU-1")
        for while_there in (range(0, 40, 10), range(30, 70, 10)):
            other = series(whole, pod="x", at=while_there, UUID="GPU-1")
            assert "who shares GPU-1 changed in the steady part" in undivided(mine, other)
        gone = series(whole, pod="x", at=range(-30, 0, 10), UUID="GPU-1")
        assert divided(mine, gone).energy == "6000J"

    def test_slices_of_an_unknown_size(self) -> None:
        for made in ("", "1c.3g.20gb"):
            mine = series(whole, UUID="GPU-1", GPU_I_ID="1", GPU_I_PROFILE=made)
            assert "what part of it slice 1 is, the label GPU_I_PROFILE does not tell" in undivided(mine)

    def test_a_slice_beside_the_whole(self) -> None:
        mine = series(whole, UUID="GPU-1", GPU_I_ID="1", GPU_I_PROFILE="3g.20gb")
        assert "cannot be divided" in undivided(mine, series(whole, pod="x", UUID="GPU-1"))

    def test_a_meter_that_names_no_gpu(self) -> None:
        assert "energy has no label UUID" in undivided(series(whole))

    def test_a_gpu_of_which_prometheus_tells_no_holder(self) -> None:
        mine = series(whole, UUID="GPU-1")
        seen = read_server(DIVIDED, {"energy": [mine]}, STEADY, ["a"], {"energy": []})
        assert seen.unknown == {"energy": "Prometheus does not tell who shares GPU-1"}
        seen = read_server(DIVIDED, {"energy": [mine]}, STEADY, ["a"], {"energy": "Prometheus is away"})
        assert seen.unknown == {"energy": "Prometheus is away"}


def kepler(*matchers: dict[str, str]) -> MetricProfileSpec:
    return profile(energy={"series": "kepler_pod_cpu_joules_total", "matchers": list(matchers)})


class TestKepler:
    """What it exports of a pod, by its labels."""

    def test_zones_overlap(self) -> None:
        zones = [series(two_cores, zone=zone) for zone in ("core", "dram", "package", "psys", "uncore")]
        assert why(kepler(), *zones) == (
            "kepler_pod_cpu_joules_total of pod a is there for the zones core, dram, package, psys, uncore, which "
            'overlap: add a matcher of one, such as zone = "package"'
        )

    def test_one_zone_is_one_meter(self) -> None:
        chosen = kepler({"label": "zone", "value": "package"})
        pods = [series(two_cores, pod=pod, zone="package") for pod in ("a", "b")]
        assert read(chosen, *pods, pods=("a", "b")).energy == "240J"

    def test_package_and_memory_add_up_where_they_are_asked_for(self) -> None:
        both = [series(two_cores, zone=zone) for zone in ("package", "dram")]
        assert "overlap" in why(kepler(), *both)
        asked = kepler({"label": "zone", "operator": "=~", "value": "package|dram"})
        assert read(asked, *both).energy == "240J"
        every = kepler({"label": "zone", "operator": "=~", "value": ".+"})
        assert "overlap" in why(every, *both, series(two_cores, zone="core"))

    def test_modes_of_older_versions_add_up(self) -> None:
        old = profile(energy={"series": "kepler_container_joules_total"})
        modes = [series(two_cores, mode="dynamic"), series(lambda s: s + 100, mode="idle")]
        assert read(old, *modes).energy == "180J"


def result(*stages: StageResult) -> BenchmarkResult:
    digests = {"dataset": "sha256:" + "a" * 64, "profile": "sha256:" + "b" * 64}
    return BenchmarkResult.model_validate(digests | {"pods": 1, "stages": [s.dump() for s in stages]})


def measured(since: float, until: float, **fields: Any) -> StageResult:
    window = {name: NOON + timedelta(seconds=s) for name, s in (("since", since), ("until", until))}
    told = {"seconds": "60s", "steady": SteadyWindow(**window)} | fields
    return probe("10req/s").model_copy(update=told)


def test_a_scrape_that_began_in_the_steady_part_is_over_an_interval_later() -> None:
    assert scraped_by(CPU, NOON) == NOON + timedelta(seconds=10)
    mixed = profile(cpu={"series": "cpu"}, energy={"series": "e", "scrapeIntervalSeconds": 30})
    assert scraped_by(mixed, NOON) == NOON + timedelta(seconds=30)


def test_a_steady_part_is_within_its_stage_and_that_within_the_benchmark() -> None:
    began, now = NOON - timedelta(seconds=30), NOON + timedelta(seconds=90)
    good = measured(0, 60)
    assert steady_parts(result(good), began, now) == {0: STEADY}
    assert steady_parts(result(measured(0, 60, warm_up=True), good), began, now) == {1: STEADY}
    for wrong in (measured(-40, 5), measured(60, 95), measured(5, 5), measured(0, 62)):
        assert "is not within the stage" in str(steady_parts(result(wrong), began, now)[0])
    assert "no steady part" in str(steady_parts(result(measured(0, 1, steady=None)), began, now)[0])


class TestErrors:
    def test_a_steady_counter_has_none(self) -> None:
        seen = read(CPU, series(two_cores))
        assert (seen.errors, seen.intervals) == ({"cpuSeconds": "0"}, 6)

    def test_of_a_total_from_how_the_stretches_differ(self) -> None:
        """Growth of 10, 30, 10, 30, 10, 30 in 10 s each: mean 2/s, deviation 10.954/10 s, over the root of 6."""
        levels = dict(zip(range(0, 70, 10), [0, 10, 40, 50, 80, 90, 120], strict=True))
        seen = read(CPU, series(lambda s: 1000 + levels.get(s, 0), at=range(0, 70, 10)))
        assert seen.cpu_seconds == "120s"
        assert float(seen.errors["cpuSeconds"]) == pytest.approx(10.954 / 6**0.5 / 20, rel=1e-3)

    def test_of_a_mean_from_its_scrapes(self) -> None:
        seen = read(GPU, series(lambda s: 40 if s % 20 else 60))
        assert seen.gpu_utilization == "51.43%"
        assert float(seen.errors["gpuUtilization"]) == pytest.approx(10.690 / 7**0.5 / 51.43, rel=1e-3)
        assert "peakGpuMemory" not in seen.errors, "a peak has no error of an average"

    def test_of_pods_that_may_rise_together_they_add_up(self) -> None:
        levels = dict(zip(range(0, 70, 10), [0, 10, 40, 50, 80, 90, 120], strict=True))
        pods = [series(lambda s: 1000 + levels.get(s, 0), pod=pod, at=range(0, 70, 10)) for pod in ("a", "b")]
        alone = read(CPU, pods[0]).errors["cpuSeconds"]
        assert read(CPU, *pods, pods=("a", "b")).errors["cpuSeconds"] == alone

    def test_one_stretch_tells_no_error(self) -> None:
        seen = read(
            profile(cpu={"series": "cpu", "scrapeIntervalSeconds": 30}), series(two_cores, at=(10, 40))
        )
        assert (seen.cpu_seconds, seen.errors, seen.intervals) == ("120s", {}, 0)


class TestLanguageModels:
    def test_the_fullest_kv_cache(self) -> None:
        spec = profile(kvCache={"series": "vllm:kv_cache_usage_perc", "unit": "Ratio"})
        assert read(spec, series(lambda s: s / 100)).peak_kv_cache == "60%"

    def test_a_ratio_called_a_percentage_is_seen_where_it_can_be(self) -> None:
        spec = profile(kvCache={"series": "kv", "unit": "Ratio"})
        assert "is more than 100 %: is its unit Ratio?" in why(spec, series(40))

    def test_operations_of_all_pods(self) -> None:
        spec = profile(flops={"series": "vllm:estimated_flops_per_gpu_total"})
        assert read(spec, series(lambda s: 1e12 * (s + 100))).flops == "60TFLOP"
