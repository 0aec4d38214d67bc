"""The faults that `make mutants` plants: their list follows the sources."""

from itertools import groupby

import pytest
from mutants import run
from mutants.faults import FAULTS
from mutants.plant import ROOT, Fault, planted

BY_FILE = {file: list(faults) for file, faults in groupby(FAULTS, lambda fault: fault.file)}


@pytest.mark.parametrize("file", BY_FILE)
def test_each_original_occurs_once(file):
    path = ROOT / "src/bitmix" / file
    text = planted(path.read_text(), path.suffix, BY_FILE[file])
    for fault in BY_FILE[file]:
        assert text.count(f"== {fault.number}") + text.count(f"== '{fault.number}'") == 1


def test_faults_differ():
    assert len(BY_FILE) == len({fault.file for fault in FAULTS})
    assert len({fault.number for fault in FAULTS}) == len(FAULTS)
    assert len({(fault.file, fault.original, fault.mutant) for fault in FAULTS}) == len(FAULTS)
    assert all(fault.effect and fault.original != fault.mutant for fault in FAULTS)


def test_a_fault_whose_place_has_changed_is_named():
    for text in ("a = 2\n", "a = 1\na = 1\n"):
        with pytest.raises(ValueError, match="times, not once: 'a = 1'"):
            planted(text, ".py", [Fault(1, "", "a = 1", "a = 3", "")])
    overlap = [Fault(1, "", "1 + 2", "4", ""), Fault(2, "", "2 + 3", "4", "")]
    with pytest.raises(ValueError, match="overlaps"):
        planted("a = 1 + 2 + 3\n", ".py", overlap)


@pytest.mark.parametrize(("number", "expected"), [(0, 10), (1, 6), (2, 15), (3, -1), (4, 8)])
def test_one_fault_at_a_time(number, expected, monkeypatch):
    faults = [
        Fault(1, "", "range(«5»)", "4", ""),
        Fault(2, "", "range(«5»)", "6", ""),
        Fault(3, "", "total += i", "total = -1", ""),
        Fault(4, "", "total += i", "total += 2 * (i < 4)", ""),
    ]
    text = planted("total = 0\nfor i in range(5):\n    total += i\n", ".py", faults)
    monkeypatch.setenv("BITMIX_MUTANT", str(number))
    found = {}
    exec(text, found)
    assert found["total"] == expected


def test_what_ended_the_tests():
    assert run.why(0, "") == ""
    assert run.why(1, "F\nFAILED tests/a.py::test_b - why\n1 failed") == "tests/a.py::test_b"
    assert run.why(-11, "") == "SIGSEGV"
    assert run.why(-24, "") == "the limit of CPU time"
    with pytest.raises(RuntimeError, match="ended with 4:\nusage"):
        run.why(4, "usage")


def test_tests_of_the_same_folder_come_first():
    predict = [fault for fault in run.chosen(["predict/labels.py"])]
    assert predict and {fault.file for fault in predict} == {"predict/labels.py"}
    assert run.tests_of(predict[0])[0] == "tests/predict"
    assert [fault.number for fault in run.chosen(["101"])] == [101]
