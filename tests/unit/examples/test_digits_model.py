from __future__ import annotations

import numpy as np
import pytest
from calibrate import environment
from handwriting import INK, Digits, Split, perturbations
from inputs import benchmark_traffic, live_traffic
from model import PRIOR, Cascade, Memory, Settings


def test_settings_come_from_the_environment() -> None:
    env = {"MODEL_VERSION": "v9", "EXIT_THRESHOLD": "0.3", "ENSEMBLE_SIZE": "2", "ONLINE_MEMORY": "true"}
    settings = Settings.from_env(env | {"MAX_BATCH_SIZE": "4"})
    assert settings == Settings(
        model_version="v9", exit_threshold=0.3, ensemble_size=2, online_memory=True, max_batch_size=4
    )


def test_nothing_is_computed_together_unless_asked_for() -> None:
    assert Settings.from_env({}).max_batch_size == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STAGES", "3"),
        ("EXIT_THRESHOLD", "1.5"),
        ("ENSEMBLE_SIZE", "0"),
        ("AUGMENTATIONS", "many"),
        ("ONLINE_MEMORY", "1"),
        ("MAX_BATCH_SIZE", "0"),
        ("MAX_BATCH_SIZE", "33"),
    ],
)
def test_a_bad_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be"):
        Settings.from_env({name: value})


def test_training_is_deterministic(split: Split, cascade: Cascade) -> None:
    again = Cascade(cascade.settings, split.train)
    assert again.second(split.live.images[:5]) == cascade.second(split.live.images[:5])


@pytest.mark.parametrize("version", ["v2", "v5"])
def test_an_image_gets_the_answer_in_a_batch_that_it_gets_alone(split: Split, version: str) -> None:
    """To the last bit, at every place of batches of several sizes: nobody's answer depends on who else waits."""
    model = Cascade(Settings.from_env(environment(version)), split.train)
    hard = np.array([sample.image for sample in live_traffic(split).hard[:16]], np.float32)
    alone = [model.second(image[None])[0] for image in hard]
    assert len({answer.confidence for answer in alone}) > 8  # else it would not matter who got which
    for size in (2, 5, 8, 16):
        batches = (hard[start : start + size] for start in range(0, len(hard), size))
        assert [answer for batch in batches for answer in model.second(batch)] == alone


def test_stage_2_is_the_mean_of_its_judges_over_the_copies(split: Split, cascade: Cascade) -> None:
    """Against the definition, written out: a member's share of the copies for each digit, and the memory's vote."""
    image = split.live.images[0]
    views = perturbations(cascade.settings.augmentations, seed=1)
    copies = np.array([view @ (image / INK) for view in views])
    (member,) = cascade._members
    shares = np.bincount(member.predict(copies), minlength=10) / len(copies)
    expected = (shares + cascade._memory.vote(copies).mean(axis=0)) / 2
    (answer,) = cascade.second(image[None])
    assert (answer.digit, answer.stage) == (expected.argmax(), 2)
    assert answer.confidence == pytest.approx(expected.max(), abs=1e-6)


def test_a_known_image_settles_at_stage_1(split: Split, cascade: Cascade) -> None:
    answer = cascade.answer(split.train.images[0])
    assert (answer.digit, answer.stage) == (split.train.labels[0], 1)


def test_an_image_like_no_digit_goes_to_stage_2(cascade: Cascade) -> None:
    board = np.tile([0, 16, 0, 16, 0, 16, 0, 16], 8).astype(np.float32)
    assert cascade.first(board).confidence == pytest.approx(0.1, abs=0.01)
    assert cascade.answer(board).stage == 2


def test_one_stage_answers_whatever_its_confidence(split: Split) -> None:
    single = Cascade(Settings(stages=1, exit_threshold=1.0), split.train)
    assert {single.answer(image).stage for image in split.live.images} == {1}


@pytest.mark.parametrize("version", ["v1", "v2", "v4", "v5"])
def test_each_version_is_accurate_enough_on_the_benchmark(split: Split, version: str) -> None:
    model = Cascade(Settings.from_env(environment(version)), split.train)
    answers = [model.answer(image) for image in split.benchmark.images]
    assert np.mean([answer.digit for answer in answers] == split.benchmark.labels) >= 0.975


def test_v4_looks_harmless_until_it_meets_hard_images(split: Split) -> None:
    """The benchmark's images all leave v4 at stage 1, and more than half of the hard ones do not."""
    settings = Settings.from_env(environment("v4") | {"ENSEMBLE_SIZE": "1", "AUGMENTATIONS": "1"})
    model = Cascade(settings, split.train)

    def slow(images: list[tuple[int, ...]]) -> float:
        return float(
            np.mean([not model.settles(model.first(np.array(image, np.float32))) for image in images])
        )

    assert slow([sample.image for sample in benchmark_traffic(split).easy]) == 0
    assert slow([sample.image for sample in live_traffic(split).hard]) > 0.6


def test_v3_thinks_long_about_a_tenth_of_the_benchmark(split: Split) -> None:
    settings = Settings.from_env(environment("v3") | {"ENSEMBLE_SIZE": "1", "AUGMENTATIONS": "1"})
    model = Cascade(settings, split.train)
    slow = [not model.settles(model.first(image)) for image in split.benchmark.images]
    assert np.mean(slow) > 0.08


def few(split: Split, count: int = 10) -> Digits:
    return Digits(split.train.images[:count], split.train.labels[:count])


def test_votes_are_probabilities(split: Split) -> None:
    votes = Memory(few(split), capacity=10).vote(split.live.images[:7] / INK)
    assert votes.shape == (7, 10)
    assert np.allclose(votes.sum(axis=1), 1, atol=1e-5)


def test_a_vote_is_the_kernel_sum(split: Split) -> None:
    """Against the definition, written out in float64, with a memory of more than one block."""
    known = Digits(np.tile(split.train.images, (8, 1)), np.tile(split.train.labels, 8))
    image = split.live.images[0] / INK
    weights = np.exp(-1.6 * ((known.images.astype(float) / 16 - image) ** 2).sum(axis=1))
    mass = np.bincount(known.labels, weights, minlength=10) + PRIOR / 10
    votes = Memory(known, capacity=len(known.labels)).vote(image[None])[0]
    assert np.allclose(votes, mass / mass.sum(), atol=1e-4)


def test_a_full_memory_forgets_what_it_learned_first_and_nothing_it_was_trained_on(split: Split) -> None:
    memory = Memory(few(split), capacity=14)
    lessons = split.live.images[:6] / INK
    memory.learn(lessons[:4], np.full(4, 3, np.uint8))
    assert memory.size == 14
    memory.learn(lessons[4:], np.full(2, 5, np.uint8))
    assert memory.size == 14
    assert memory.vote(lessons[4:5])[0].argmax() == 5
    assert memory.vote(lessons[:1])[0, 3] < memory.vote(lessons[2:3])[0, 3]
    assert memory.vote(split.train.images[:1] / INK)[0].argmax() == split.train.labels[0]


def test_feedback_makes_an_online_memory_grow_and_no_other(split: Split, cascade: Cascade) -> None:
    images, labels = split.live.images[:5], split.live.labels[:5]
    assert cascade.learn(images, labels) == 0
    assert cascade.memory_rows == 1197

    online = Cascade(Settings(ensemble_size=1, augmentations=4, online_memory=True), split.train)
    assert online.learn(images, labels) == 5
    assert online.memory_rows == 1197 + 5 * online.settings.memory_copies


def test_what_was_learned_changes_stage_2_only(split: Split) -> None:
    online = Cascade(Settings(ensemble_size=1, augmentations=4, online_memory=True), split.train)
    image = np.array(live_traffic(split).hard[0].image, np.float32)
    before = online.first(image), online.second(image[None])[0]
    online.learn(image[None], np.array([before[1].digit], np.uint8))
    assert online.first(image) == before[0]
    assert online.second(image[None])[0].confidence > before[1].confidence
