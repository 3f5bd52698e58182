from __future__ import annotations

from tollgate.measure.targets import Processes, targets
from tollgate.ports import Samples

POINTS = ((0.0, 5.0), (10.0, 7.0))


def series(points: tuple[tuple[float, float], ...] = POINTS, **labels: str) -> Samples:
    return Samples({"pod": "a", "instance": "10.0.0.1:80", **labels}, points)


def found(*listed: Samples, others: tuple[Samples, ...] = ()) -> list[tuple[str, int]]:
    processes = Processes((*listed, *others), "pod")
    return [(target.pod, len(target.rows)) for target in targets({"n": listed}, processes, "pod")]


def test_each_label_set_of_a_pod_is_a_target() -> None:
    assert found(series(model="x"), series(model="y"), series(pod="b")) == [("a", 2), ("a", 2), ("b", 2)]


def test_process_scraped_by_two_jobs_counts_once_with_the_fuller_series() -> None:
    other = ((1.0, 5.0), (11.0, 7.0), (21.0, 9.0))
    assert found(series(job="pods"), series(other, job="services")) == [("a", 3)]


def test_two_processes_of_a_pod_are_two_targets() -> None:
    assert found(series(), series(instance="10.0.0.1:81")) == [("a", 2), ("a", 2)]


def test_series_split_by_a_label_become_columns() -> None:
    buckets = [series(le="0.1"), series(le="+Inf")]
    (target,) = targets(
        {"bucket": buckets, "count": [series()]}, Processes(buckets, "pod"), "pod", split="le"
    )
    assert target.names == ("bucket/+Inf", "bucket/0.1", "count")
    assert target.rows[1] == (10.0, (7.0, 7.0, 7.0))


def test_series_that_appears_on_a_known_process_began_at_zero() -> None:
    late = series(((10.0, 3.0),), code="500")
    (target,) = targets({"errors": [late]}, Processes([late, series()], "pod"), "pod")
    assert target.rows == ((0.0, (0.0,)), (10.0, (3.0,)))


def test_series_of_another_scraper_says_nothing_about_the_beginning() -> None:
    late = series(((10.0, 3.0),), job="services")
    (target,) = targets({"n": [late]}, Processes([late, series(job="pods")], "pod"), "pod")
    assert target.rows == ((10.0, (3.0,)),)


def test_lost_sample_is_not_a_beginning() -> None:
    # The first scrape of `sum` was NaN: the series existed, so it did not begin at zero.
    count, total = series(), series(((0.0, float("nan")), (10.0, 3.0)))
    (target,) = targets({"count": [count], "sum": [total]}, Processes([count, total], "pod"), "pod")
    assert target.rows == ((10.0, (7.0, 3.0)),)


def restarts(fell: Samples, other: Samples) -> tuple[float, ...]:
    (target,) = targets({"n": [other]}, Processes([fell, other], "pod"), "pod")
    return target.restarts


def test_restart_shows_in_any_counter_of_the_process() -> None:
    fell = series(((0.0, 50.0), (10.0, 3.0)), le="1")
    assert restarts(fell, series(code="500")) == (10.0,)
    assert restarts(fell, series(code="500", instance="10.0.0.1:81")) == ()


def test_restart_of_one_worker_is_not_that_of_another() -> None:
    fell = series(((0.0, 50.0), (10.0, 3.0)), pid="1")
    assert restarts(fell, series(pid="2")) == ()
    assert restarts(fell, series(pid="1", code="500")) == (10.0,)
