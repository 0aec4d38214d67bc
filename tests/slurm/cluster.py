"""A SLURM cluster of one node on this machine: Debian's slurm-wlm, without systemd, as root.

    python tests/slurm/cluster.py --accounting -- snakemake --profile profiles/slurm tutorial

starts the cluster, runs the command and stops the cluster. All daemons listen on the loopback
interface. Their files are in a temporary folder, which is deleted at the end.
"""

import argparse
import ctypes
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

#: The programs that the cluster needs, and the packages of Debian that have them.
PROGRAMS = {"slurmctld": "slurm-wlm", "slurmd": "slurm-wlm", "munged": "munge"}
ACCOUNTING_PROGRAMS = {"slurmdbd": "slurmdbd", "mariadbd": "mariadb-server"}

SLURM_CONF = """\
ClusterName=bitmix
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={slurmctld_port}
SlurmdPort={slurmd_port}
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
JobAcctGatherType=jobacct_gather/linux
MpiDefault=none
ReturnToService=2
SlurmdParameters=config_overrides
{accounting}
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""
ACCOUNTING = """\
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={slurmdbd_port}
AccountingStoragePass={folder}/munge.socket"""
SLURMDBD_CONF = """\
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
DbdHost={host}
DbdAddr=127.0.0.1
DbdPort={slurmdbd_port}
SlurmUser=root
LogFile={folder}/slurmdbd.log
PidFile={folder}/slurmdbd.pid
CommunicationParameters=NoInAddrAny
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={mysql_port}
StorageUser=slurm
StoragePass={password}
StorageLoc=slurm
"""
DATABASE = """\
CREATE DATABASE slurm;
CREATE USER slurm@localhost IDENTIFIED BY '{password}';
CREATE USER slurm@'127.0.0.1' IDENTIFIED BY '{password}';
GRANT ALL ON slurm.* TO slurm@localhost, slurm@'127.0.0.1';
"""


class Cluster:
    """The cluster. Enter it as a context to start it; leave it to stop all that it started.

    Parameters
    ----------
    accounting : bool
        Whether a database accounts for all jobs, as most clusters have it. Without one, SLURM
        forgets a job some minutes after its end.
    cpus : int
        The number of CPUs of the node; those of this machine by default.
    patience : float
        Seconds to wait for a daemon before giving up.

    Attributes
    ----------
    environment : dict
        The environment variables with which programs find the cluster.
    """

    def __init__(
        self, accounting: bool = False, cpus: int | None = None, patience: float = 1800
    ) -> None:
        self.accounting = accounting
        self.cpus = cpus or os.cpu_count() or 1
        self.patience = patience
        self.daemons: dict[str, subprocess.Popen] = {}

    @staticmethod
    def missing(accounting: bool = True) -> str:
        """Return what this machine lacks to start a cluster, or an empty text."""
        if os.geteuid() != 0:
            return "starting SLURM needs root"
        programs = {**PROGRAMS, **(ACCOUNTING_PROGRAMS if accounting else {})}
        packages = {package for program, package in programs.items() if not _find(program)}
        return f"apt-get install {' '.join(sorted(packages))}" if packages else ""

    def __enter__(self) -> "Cluster":
        if missing := self.missing(self.accounting):
            raise RuntimeError(missing)
        self.folder = Path(tempfile.mkdtemp(prefix="bitmix-slurm-"))
        self.environment = {
            **os.environ,
            "SLURM_CONF": str(self.folder / "slurm.conf"),
            "PATH": f"{self.folder}:{os.environ['PATH']}",
        }
        try:
            self._configure()
            self._start_munge()
            if self.accounting:
                self._start_accounting()
            self._start_slurm()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if "slurmd" in self.daemons:
            self._end_jobs()
        for name in reversed(list(self.daemons)):
            self.stop(name)
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, *command: str, check: bool = True) -> str:
        """Run one of SLURM's commands; return what it prints."""
        result = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=self.patience
        )
        if check and result.returncode:
            raise RuntimeError(f"{' '.join(command)}: {result.stderr or result.stdout}")
        return result.stdout

    def jobs(self, *states: str) -> list[tuple[str, str]]:
        """Return the id and the comment of each job in one of the states; running by default."""
        wanted = ",".join(states or ["RUNNING"])
        lines = self.run("squeue", "--noheader", f"--states={wanted}", "--format=%i|%k").split()
        return [(line.partition("|")[0], line.partition("|")[2]) for line in lines]

    def start_node(self) -> None:
        """Start the daemon of the node, and wait until jobs can run there."""
        self._start("slurmd", "-D", "-N", self.host)
        self.wait(
            "the node is idle",
            lambda: (
                self.run("sinfo", "--noheader", "--format=%T", check=False).strip()
                in ("idle", "mixed", "allocated")
            ),
        )

    def stop(self, name: str) -> None:
        """Stop a daemon that was started, with the processes below it."""
        daemon = self.daemons.pop(name)
        # slurmd's steps run on in sessions of their own, as they do on a real node.
        daemon.send_signal(signal.SIGTERM)
        try:
            daemon.wait(20)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()

    def wait(self, what: str, holds: Callable[[], object]) -> None:
        """Wait until a condition holds; fail with the daemons' logs if it takes too long."""
        deadline = time.monotonic() + self.patience
        while not holds():
            dead = [name for name, daemon in self.daemons.items() if daemon.poll() is not None]
            if dead or time.monotonic() > deadline:
                raise RuntimeError(f"not so: {what} ({dead or 'timeout'})\n{self.logs()}")
            time.sleep(0.2)

    def logs(self) -> str:
        """Return the last lines of each daemon's log."""
        logs = sorted(self.folder.glob("*.log"))
        return "\n".join(f"--- {log.name}\n{log.read_text()[-2000:]}" for log in logs)

    def _end_jobs(self) -> None:
        """Cancel all jobs, whose processes would outlive the daemons."""
        deadline = time.monotonic() + 60
        while jobs := self.run("squeue", "--noheader", "--format=%i", check=False).split():
            self.run("scancel", *jobs, check=False)
            if time.monotonic() > deadline:
                break
            time.sleep(1)

    def _configure(self) -> None:
        self.host = socket.gethostname().partition(".")[0]
        names = ("slurmctld_port", "slurmd_port", "slurmdbd_port", "mysql_port")
        self.values = values = {
            **dict(zip(names, free_ports(len(names)), strict=True)),
            "folder": self.folder,
            "host": self.host,
            "cpus": self.cpus,
            "memory": psutil.virtual_memory().total // 2**20 * 9 // 10,
            "password": secrets.token_hex(16),
        }
        for folder in ("state", "spool"):
            (self.folder / folder).mkdir()
        accounting = ACCOUNTING.format(**values) if self.accounting else ""
        self._write("slurm.conf", SLURM_CONF.format(accounting=accounting, **values))
        self._write("slurmdbd.conf", SLURMDBD_CONF.format(**values))
        # Without this file, SLURM complains that there is none.
        self._write("cgroup.conf", "CgroupPlugin=cgroup/v1\n")

        # In a job, Snakemake's plugin drops the variable SLURM_CONF before it calls srun.
        srun = f'#!/bin/sh\nSLURM_CONF={self.folder}/slurm.conf exec {_find("srun")} "$@"\n'
        self._write("srun", srun, mode=0o700)

    def _write(self, name: str, text: str, mode: int = 0o600) -> None:
        path = self.folder / name
        path.touch(mode)
        path.write_text(text)

    def _start(self, program: str, *arguments: str) -> None:
        with open(self.folder / f"{program}.log", "ab") as log:
            self.daemons[program] = subprocess.Popen(
                [_find(program), *arguments],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_end_with_parent,
            )

    def _start_munge(self) -> None:
        key = self.folder / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(secrets.token_bytes(128))
        files = {
            "key-file": key,
            **{f"{kind}-file": self.folder / f"munge.{kind}" for kind in ("pid", "log", "seed")},
            "socket": self.folder / "munge.socket",
        }
        options = [f"--{option}={file}" for option, file in files.items()]
        self._start("munged", "--foreground", "--force", *options)
        self.wait("munged listens", (self.folder / "munge.socket").exists)

    def _start_accounting(self) -> None:
        self._start_database()
        self._start("slurmdbd", "-D")
        manage = ("sacctmgr", "--immediate", "add")
        self.wait("slurmdbd answers", lambda: _listens(self.values["slurmdbd_port"]))
        self.run(*manage, "cluster", "bitmix")
        self.run(*manage, "account", "study", "Cluster=bitmix")
        self.run(*manage, "user", "root", "Account=study")

    def _start_database(self) -> None:
        data, sock = self.folder / "mysql", self.folder / "mysql.socket"
        here = ["--no-defaults", "--user=root", f"--datadir={data}"]
        install = ["mariadb-install-db", *here, "--auth-root-authentication-method=socket"]
        subprocess.run(install, check=True, capture_output=True, timeout=self.patience)
        self._start(
            "mariadbd",
            *here,
            f"--socket={sock}",
            f"--port={self.values['mysql_port']}",
            "--bind-address=127.0.0.1",
            f"--pid-file={self.folder}/mysql.pid",
            "--innodb-buffer-pool-size=64M",
            "--innodb-lock-wait-timeout=900",
        )
        client = ["mariadb", "--no-defaults", "--user=root", f"--socket={sock}"]
        self.wait("mariadbd listens", sock.exists)
        sql = DATABASE.format(**self.values)
        subprocess.run(client, input=sql, text=True, check=True, timeout=self.patience)

    def _start_slurm(self) -> None:
        self._start("slurmctld", "-D", "-i")
        self.wait("slurmctld answers", lambda: "UP" in self.run("scontrol", "ping", check=False))
        self.start_node()


def _end_with_parent() -> None:
    """Make the kernel end this process when its parent ends, even if the parent is killed."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback interface on which nothing listens."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _find(program: str) -> str | None:
    return shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")


def main(arguments: Sequence[str]) -> int:
    """Run a command on a cluster; return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--accounting", action="store_true", help="with an accounting database")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # stop the cluster first
    with Cluster(options.accounting) as cluster:
        return subprocess.run(options.command, env=cluster.environment).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
