"""Checks of arguments."""

import inspect

import numpy as np
import pytest

from bitmix.arguments import (
    check_choice,
    check_integer,
    check_positive,
    nearest,
    suggest_keywords,
)


def test_nearest():
    assert nearest("sweps", ["sweeps", "seed"]) == ", did you mean 'sweeps'?"
    assert nearest("xyz", ["sweeps", "seed"]) == ""


def test_check_choice():
    check_choice("initial", "random", ("random", "seeded"))
    with pytest.raises(ValueError, match=r"initial is 'seded', did you mean 'seeded'\? allowed:"):
        check_choice("initial", "seded", ("random", "seeded"))
    with pytest.raises(ValueError, match="initial is 7; allowed: 'random', 'seeded'"):
        check_choice("initial", 7, ("random", "seeded"))


@pytest.mark.parametrize("value", [3, np.int64(3), True + 2])
def test_integers_are_taken(value):
    assert check_integer("n", value) == 3
    assert type(check_integer("n", value)) is int


@pytest.mark.parametrize("value", [1.0, "3", None, [1]])
def test_what_is_no_integer_is_refused(value):
    with pytest.raises(ValueError, match="n must be a whole number, not"):
        check_integer("n", value)


def test_integers_have_a_least():
    assert check_integer("n", 0, least=0) == 0
    with pytest.raises(ValueError, match="n must be at least 1, not 0"):
        check_integer("n", 0)


def test_positive_numbers():
    assert check_positive("a", "2.5") == 2.5
    for value in (0, -1, float("nan"), float("inf"), None, "x"):
        with pytest.raises(ValueError, match="a must be a positive number"):
            check_positive("a", value)


def test_a_misspelt_keyword_is_told_the_nearest():
    @suggest_keywords
    def function(x, *, sweeps=1):
        return x + sweeps

    assert function(1, sweeps=2) == 3
    assert list(inspect.signature(function).parameters) == ["x", "sweeps"]
    with pytest.raises(TypeError, match=r"function\(\) has no argument 'sweep', did you mean"):
        function(1, sweep=2)
