"""The measured numbers of the texts."""

from bitmix.workflow.numbers import numbers


def test_numbers_are_those_of_the_evaluation():
    row = {"model": "bitmix", "members": 2, "cpu_seconds": 1.5, "brier": 0.1, "clusters": 9}
    evaluation = {
        "models": [row],
        "data": {"train": {"shape": [7, 784]}, "held_out": {"shape": [3, 784]}},
        "versions": {},
    }
    assert numbers(evaluation, 0.123) == {
        "study_seconds": 0.12,
        "rows": {"train": 7, "held_out": 3},
        "models": [{"model": "bitmix", "members": 2, "cpu_seconds": 1.5, "brier": 0.1}],
    }
