"""Every build gives the same bits: all instruction sets and compilers, on seven kinds of machines.

A build that this machine cannot make or run is skipped with the reason.
"""

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import bitmix
from bitmix import kernel

ROOT = Path(__file__).parents[2]
C = ROOT / "src/bitmix/kernel/c"
X86 = platform.machine() in ("x86_64", "AMD64")
LEVELS = {"baseline": []} | (
    {"v3": ["-march=x86-64-v3"], "v4": ["-march=x86-64-v4"]} if X86 else {}
)
EXACT = ["-std=gnu11", "-O3", "-ffp-contract=off", "-Wno-psabi", "-Wno-unknown-pragmas"]
SANITIZE = ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
COMPILERS = ("gcc", "clang")
#: The compiler and the emulator of other machines, as Debian names them. S390x is big-endian, and
#: i686 needs the flags that meson.build has for it.
MACHINES = {
    "arm64": ("aarch64-linux-gnu-gcc", "qemu-aarch64"),
    "armhf": ("arm-linux-gnueabihf-gcc", "qemu-arm"),
    "riscv64": ("riscv64-linux-gnu-gcc", "qemu-riscv64"),
    "ppc64le": ("powerpc64le-linux-gnu-gcc", "qemu-ppc64le"),
    "s390x": ("s390x-linux-gnu-gcc", "qemu-s390x"),
    "i686": ("i686-linux-gnu-gcc -msse2 -mfpmath=sse", "qemu-i386"),
}


def program(name):
    """Return the path of a program, or skip the test and say what is missing."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


# ---------------------------------------------------------------- levels of the installed build


@pytest.fixture
def level():
    """Use an instruction set in one test, if this machine has it."""
    before = kernel.simd_name()

    def use(name):
        try:
            kernel.use_simd(name)
        except ValueError as error:
            pytest.skip(str(error))

    yield use
    kernel.use_simd(before)


def digest(latent):
    """Return the hash of everything that a chain ends with."""
    return {
        "assignments": hashlib.sha256(latent.assignments.tobytes()).hexdigest(),
        "counts": hashlib.sha256(latent.counts.tobytes()).hexdigest(),
        "alpha": [value.hex() for value in latent.alpha.tolist()],
        "beta": [value.hex() for value in latent.beta.tolist()],
        "log_joint": [value.hex() for value in latent.trace["log_joint"].tolist()],
    }


@pytest.mark.parametrize("name", [name for name in LEVELS if name != "baseline"])
def test_levels_sample_the_same_chain(mnist, level, name):
    x = mnist.x[:1000]
    level("baseline")
    expected = digest(bitmix.sample_chain(x, 0, sweeps=10, progress=False))
    level(name)
    assert digest(bitmix.sample_chain(x, 0, sweeps=10, progress=False)) == expected


# ---------------------------------------------------------------- the package, by compiler

CHAIN = """
import hashlib, json, sys
import numpy as np
folder, data, level = sys.argv[1:]
sys.path.insert(0, folder)
from bitmix import kernel
assert kernel.mixture.__file__.startswith(folder), kernel.mixture.__file__
try:
    kernel.use_simd(level)
except ValueError as error:
    print(json.dumps({"missing": str(error)}))
    sys.exit()
x = np.load(data)
generator = np.random.PCG64(0)
ones = np.ones(x.shape[1])
start = kernel.integers(generator, 20, len(x))
mixture = kernel.mixture_of(kernel.Rows(x), start, ones, ones, 1.0)
for _ in range(10):
    kernel.sweep(mixture, generator)
    kernel.update_priors(mixture, generator, 1.2, 0.0, 0.0, float("inf"))
print(json.dumps({
    "assignments": hashlib.sha256(mixture.assignments.tobytes()).hexdigest(),
    "alpha": [value.hex() for value in mixture.alpha.tolist()],
    "beta": [value.hex() for value in mixture.beta.tolist()],
    "log_joint": mixture.log_joint().hex(),
}))
"""


@pytest.fixture(scope="module")
def data(mnist, tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "x.npy"
    np.save(path, mnist.x[:1000])
    return path


def run_chain(folder, data, level):
    """Sample a chain with the package in a folder, in a separate process; return its hash."""
    command = [sys.executable, "-c", CHAIN, str(folder), str(data), level]
    found = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(found.stdout)


@pytest.fixture(scope="module")
def expected(data):
    """Return the hash of the installed build at its baseline."""
    return run_chain(Path(bitmix.__file__).parents[1], data, "baseline")


@pytest.fixture(scope="module", params=COMPILERS)
def package(request, tmp_path_factory):
    """Build this checkout with a compiler; return the folder of the package."""
    environment = {**os.environ, "CC": program(request.param)}
    meson, build = program("meson"), tmp_path_factory.mktemp(request.param)
    for tool in ("ninja", "cython"):
        program(tool)
    site = build / "site"
    setup = [meson, "setup", build, ROOT, f"-Dpython.platlibdir={site}"]
    for command in (setup, [meson, "install", "-C", build]):
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    return site


@pytest.mark.slow
@pytest.mark.parametrize("name", LEVELS)
def test_compilers_sample_the_same_chain(package, data, expected, name):
    found = run_chain(package, data, name)
    if "missing" in found:
        pytest.skip(found["missing"])
    assert found == expected


# ---------------------------------------------------------------- the C functions, by machine


def build_driver(folder, compiler, flags=(), levels=LEVELS):
    """Compile the C functions with the driver that calls all of them."""
    objects = []
    for level, march in levels.items():
        objects.append(folder / f"{level}.o")
        subprocess.run(
            [compiler, *EXACT, *flags, *march, f"-DBITMIX_LEVEL={level}", "-c",
             C / "simd.c", "-o", objects[-1]],
            check=True,
        )  # fmt: skip
    subprocess.run(
        [compiler, *EXACT, *flags, f"-I{C}", ROOT / "tests/kernel/driver.c",
         C / "levels.c", *objects, "-lm", "-o", folder / "driver"],
        check=True,
    )  # fmt: skip
    return folder / "driver"


def run_driver(*command):
    """Return the driver's hashes by function, or None if the machine lacks the level."""
    found = subprocess.run(command, capture_output=True, text=True)
    if found.returncode == 2:
        return None
    assert found.returncode == 0, found.stderr
    return dict(line.split() for line in found.stdout.splitlines())


@pytest.fixture(scope="module")
def hashes(tmp_path_factory):
    """Return the hashes of the baseline, built by the compiler cc."""
    driver = build_driver(tmp_path_factory.mktemp("cc"), program("cc"))
    return run_driver(driver, "baseline")


@pytest.mark.slow
def test_driver_calls_every_function(hashes):
    declared = {
        line.split("(*")[1].split(")")[0].removeprefix("array_")
        for line in (C / "simd.h").read_text().splitlines()
        if "(*" in line
    }
    scalar = {"log", "exp", "lgamma"}  # go into the hashes of log_f64, exp_f64, lgamma_f64
    assert set(hashes) == declared - scalar


@pytest.mark.slow
@pytest.mark.parametrize("flags", [(), SANITIZE], ids=["plain", "sanitized"])
@pytest.mark.parametrize("compiler", COMPILERS)
def test_functions_return_the_same_bits(tmp_path, hashes, compiler, flags):
    driver = build_driver(tmp_path, program(compiler), flags)
    found = {level: run_driver(driver, level) for level in LEVELS}
    missing = [level for level in LEVELS if found[level] is None]
    for level in LEVELS:
        if level not in missing:
            assert found[level] == hashes, level
    if missing:
        pytest.skip(f"this machine does not run {', '.join(missing)}; the others agree")


@pytest.mark.slow
@pytest.mark.parametrize(("compiler", "emulator"), MACHINES.values(), ids=MACHINES)
def test_functions_return_the_same_bits_on_other_machines(tmp_path, hashes, compiler, emulator):
    """qemu emulates the machine for the C functions, not for the whole package."""
    name, *flags = compiler.split()
    driver = build_driver(tmp_path, program(name), ["-static", *flags], levels={"baseline": []})
    assert run_driver(program(emulator), driver, "baseline") == hashes
