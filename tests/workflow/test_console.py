"""What Snakemake shows, and what it says last."""

import logging
import subprocess
import sys

import pytest
from snakemake.logging import LogEvent

from bitmix.workflow import console


def record(text="", level=logging.INFO, **extra):
    made = logging.makeLogRecord({"msg": text, "levelno": level, **extra})
    return made


def error(text, exception="WorkflowError"):
    return record(text, logging.ERROR, event=LogEvent.ERROR, exception=exception)


@pytest.fixture
def screen():
    screen = console.Console(dry_run=False)
    assert screen.filter(record("Your workflow is in a good condition"))  # without a run
    screen.filter(record(event=LogEvent.WORKFLOW_STARTED))
    return screen


@pytest.mark.parametrize(
    ("shown", "dry", "one"),
    [
        (True, True, record(event=LogEvent.JOB_INFO)),
        (True, True, record(event=LogEvent.PROGRESS)),
        (True, True, record("Nothing to be done (all there).")),
        (True, True, record("look out", logging.WARNING)),
        (False, True, record("Building DAG of jobs...")),
        (False, True, record(event=LogEvent.RUN_INFO)),
        (False, False, record("Exiting because a job execution failed.", logging.ERROR)),
        (False, False, error("WorkflowError:\nAt least one job did not complete successfully.")),
    ],
)
def test_what_is_shown(screen, shown, dry, one):
    assert screen.filter(one) == shown
    assert console.Console(dry_run=True).filter(one) == dry
    assert screen.reasons == []


def test_errors_of_snakemake_are_told_without_places(screen, capsys):
    text = 'AmbiguousRuleException in file "/a/Snakefile", line 3:\nRules a and b are ambiguous.'
    assert not screen.filter(error(text, "AmbiguousRuleException"))
    screen.close()
    assert capsys.readouterr().err == "Rules a and b are ambiguous.\n"


def test_an_unknown_target_is_told_in_our_words(screen):
    text = "MissingRuleException:\nNo rule to produce tutrial (if you use input functions ...)."
    assert not screen.filter(error(text, "MissingRuleException"))
    (reason,) = screen.reasons
    assert reason.startswith("tutrial is no run and no file of a run; ")


def test_errors_of_ours_are_told_once(screen, capsys):
    failure = screen.failure("runs.a: wrong; leave it out")
    place = 'WorkflowError in file "/a/Snakefile", line 38:'
    text = f'{place}\n{failure}\n  File "/a/Snakefile", line 38, in <module>'
    assert not screen.filter(error(text))
    screen.close()
    assert capsys.readouterr().err == "runs.a: wrong; leave it out\n"


def test_a_lock_is_told_in_our_words(screen):
    assert not screen.filter(error("LockException:\nError: Directory ...", "LockException"))
    assert screen.reasons == [console.LOCKED]


def test_a_bug_is_shown_whole(screen):
    assert screen.filter(error("Traceback (most recent call last):\n ...\nKeyError: 1", "KeyError"))


def failed_job(folder, log, jobid=1, **others):
    (folder / "job.txt").write_text(log)
    logs = [*others.get("before", []), str(folder / "job.txt")]
    return record("Error in rule", logging.ERROR, event=LogEvent.JOB_ERROR, jobid=jobid, log=logs)


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        (
            "data: a warning\ndata failed: a.csv: wrong;\nmend it\n",
            "data failed: a.csv: wrong;\nmend it",
        ),
        ("Traceback ...\n\x1b[31mKeyError\x1b[0m: 'a'\n\n", "KeyError: 'a' (traceback in {log})"),
        ("", "a job was killed, perhaps for lack of memory; its log is {log}"),
    ],
)
def test_the_reason_of_a_job_is_in_its_log(screen, tmp_path, log, reason):
    assert not screen.filter(error("RuleException:\nCalledProcessError in file ..."))
    assert not screen.filter(failed_job(tmp_path, log))
    assert screen.reasons == [reason.format(log=tmp_path / "job.txt")]


def test_a_notebook_names_its_copy_with_the_traceback(screen, tmp_path):
    screen.filter(failed_job(tmp_path, "ValueError: b\n", before=["a/05.ipynb"]))
    assert screen.reasons == ["ValueError: b (traceback in a/05.ipynb)"]


def test_the_same_reason_is_told_once(screen, tmp_path):
    screen.filter(failed_job(tmp_path, "data failed: a.csv: wrong; mend it\n"))
    screen.filter(failed_job(tmp_path, "DataError: a.csv: wrong; mend it\n"))
    assert screen.reasons == ["data failed: a.csv: wrong; mend it"]


def test_a_failure_is_told_at_once_if_jobs_go_on(screen, tmp_path, capsys):
    screen.filter(record(event=LogEvent.JOB_STARTED, jobs=[1, 2]))
    screen.filter(failed_job(tmp_path, "data failed: wrong\n"))
    assert capsys.readouterr().err == "data failed: wrong\nwaiting for the jobs that still run\n"
    screen.filter(failed_job(tmp_path, "chain 0 failed: late\n", jobid=2))
    assert capsys.readouterr().err == ""
    screen.close()
    assert capsys.readouterr().err == "data failed: wrong\nchain 0 failed: late\n"


# In a process of its own: it ends all children, and pytest may have some of multiprocessing's.
STUBBORN = """
import subprocess, sys
import psutil
from bitmix.workflow import console

ignore = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True)"
stubborn = [sys.executable, "-c", ignore + "; time.sleep(1000)"]
shell = ["bash", "-c", '"$@" & echo $!; wait', "-", *stubborn]
children = [
    subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for command in (stubborn, shell)
]
assert children[0].stdout.readline() == "1\\n"
said = {children[1].stdout.readline() for _ in range(2)}  # either may come first
(number,) = said - {"1\\n"}
grandchild = psutil.Process(int(number))
console.end_children(3)  # the shell has time to end, however busy the machine is
assert [child.wait() for child in children] == [-9, -15]
assert children[1].stdout.read() == ""  # the last to write has ended
assert not grandchild.is_running() or grandchild.status() == psutil.STATUS_ZOMBIE
assert not psutil.Process().children()
"""


def test_children_end_even_if_they_do_not_want_to():
    done = subprocess.run([sys.executable, "-c", STUBBORN], stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stderr


def test_a_group_of_jobs_is_told_once(screen, tmp_path, capsys):
    logs = [tmp_path / "data.txt", tmp_path / "chain.txt"]
    logs[0].write_text("data: 12 rows\n")
    logs[1].write_text("chain 0 failed: no memory\n")
    jobs = [{"jobid": number, "log": [str(log)]} for number, log in enumerate(logs)]
    group = record(level=40, event=LogEvent.GROUP_ERROR, job_error_info=jobs, aux_logs=["7.log"])
    assert not screen.filter(group)
    for job in jobs:
        assert not screen.filter(record(level=40, event=LogEvent.JOB_ERROR, **job))
    assert screen.reasons == ["chain 0 failed: no memory"]
