from __future__ import annotations

from tollgate.measure import reading
from tollgate.measure.targets import Processes, Target, targets
from tollgate.ports import Samples

POINTS = ((0.0, 5.0), (10.0, 7.0))
LATER = ((1.0, 5.0), (11.0, 7.0), (21.0, 9.0))


def series(points: tuple[tuple[float, float], ...] = POINTS, **labels: str) -> Samples:
    return Samples({"pod": "a", "instance": "10.0.0.1:80", **labels}, points)


def read(*listed: Samples, others: tuple[Samples, ...] = ()) -> list[Target[float]]:
    processes = Processes((*listed, *others), "pod")
    return targets({reading.COUNTER: listed}, processes, "pod", read=reading.counter, zero=0.0)


def found(*listed: Samples) -> list[tuple[str, int]]:
    return [(target.pod, len(target.rows)) for target in read(*listed)]


def test_each_label_set_of_a_pod_is_a_target() -> None:
    assert found(series(model="x"), series(model="y"), series(pod="b")) == [("a", 2), ("a", 2), ("b", 2)]


def test_two_processes_of_a_pod_are_two_targets() -> None:
    assert found(series(), series(instance="10.0.0.1:81")) == [("a", 2), ("a", 2)]


def test_process_without_a_sample_is_none() -> None:
    assert found(series(())) == []


def test_what_cannot_be_read_has_no_rows_but_was_seen() -> None:
    [target] = read(series(((0.0, -1.0),)))
    assert (target.rows, target.seen) == ((), 0.0)


class TestTwins:
    def test_process_scraped_by_two_jobs_counts_once_with_the_fuller_series(self) -> None:
        assert found(series(job="pods"), series(LATER, job="services")) == [("a", 3)]
        assert found(series(job="pods"), series(job="services")) == [("a", 2)], "though at the same instants"

    def test_process_behind_two_services_counts_once(self) -> None:
        assert found(series(job="all", service="x"), series(LATER, job="all", service="y")) == [("a", 3)]

    def test_labels_of_the_server_itself_make_no_twins(self) -> None:
        """One scrape read both, as they share its timestamp."""
        assert found(series(endpoint="/predict"), series(endpoint="/health")) == [("a", 2), ("a", 2)]

    def test_label_sets_that_come_and_go_within_one_process_make_no_twins(self) -> None:
        first, steady = series(((0.0, 5.0),), replica="1"), series()
        second = series(((10.0, 2.0),), replica="2")
        assert len(read(first, second, others=(steady,))) == 2

    def test_all_series_of_a_process_are_of_the_same_scraper(self) -> None:
        first = [series(job="pods"), series(job="pods", code="500")]
        second = [series(LATER, job="services"), series(LATER[:1], job="services", code="500")]
        chosen = read(*first, *second)
        assert {target.labels["job"] for target in chosen} == {"services"}

    def test_scraper_that_took_over_is_no_twin(self) -> None:
        assert found(series(job="old"), series(((20.0, 9.0), (30.0, 12.0)), job="new")) == [
            ("a", 2),
            ("a", 2),
        ]


class TestBirth:
    def test_series_that_appears_on_a_known_process_began_at_zero(self) -> None:
        [target] = read(series(((10.0, 3.0),), code="500"), others=(series(),))
        assert target.rows == ((0.0, 0.0), (10.0, 3.0))

    def test_label_that_may_be_a_scrapers_does_not_hide_the_process(self) -> None:
        [target] = read(series(((10.0, 3.0),), endpoint="/new"), others=(series(endpoint="/old"),))
        assert target.rows == ((0.0, 0.0), (10.0, 3.0))

    def test_series_of_another_scraper_says_nothing_about_the_beginning(self) -> None:
        [target] = read(series(((10.0, 3.0),), job="services"), others=(series(job="pods"),))
        assert target.rows == ((10.0, 3.0),)

    def test_unreadable_sample_is_not_a_beginning(self) -> None:
        lost = series(((10.0, float("nan")), (20.0, 3.0)))
        [target] = read(lost, others=(series(((0.0, 1.0), (10.0, 1.0), (20.0, 2.0)), code="x"),))
        assert target.rows == ((0.0, 0.0), (20.0, 3.0))
        [target] = read(lost, others=(series(((10.0, 1.0), (20.0, 2.0)), code="x"),))
        assert target.rows == ((20.0, 3.0),)
