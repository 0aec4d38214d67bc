#!/bin/sh
# Run the unit tests with bounds checks in the kernel, a thousand small random inputs too, then under
# AddressSanitizer and UBSan. At the end, run the C functions alone under the sanitizers, built by
# each compiler. You need a checkout with .venv, and GCC. Further arguments go to pytest.
set -eu
cd "$(dirname "$0")/.."
export PATH="$PWD/.venv/bin:$PATH"

# build NAME OPTION...: make a separate build, for import from build/NAME/site
build() {
    name=$1
    shift
    site="$PWD/build/$name/site"
    rm -rf "build/$name"
    CC=gcc meson setup "build/$name" -Dpython.platlibdir="$site" "$@" >/dev/null 2>&1
    meson install -C "build/$name" --quiet >/dev/null
}

# unit_tests NAME ARGUMENT...: check that this build is imported, then run its tests, without those
# of other builds and of the installed package
unit_tests() {
    site="$PWD/build/$1/site"
    shift
    PYTHONPATH="$site" python -c "
from bitmix.kernel import mixture
assert mixture.__file__.startswith('$site'), mixture.__file__"
    # Functions of the kernel that cannot raise report an index out of bounds as unraisable.
    PYTHONPATH="$site" python -m pytest tests --ignore tests/workflow --ignore tests/architecture \
        --ignore tests/docs --ignore tests/mutants --ignore tests/kernel/test_builds.py \
        -W error::pytest.PytestUnraisableExceptionWarning "$@"
}

echo 'unit tests, bounds checks on'
build bounds -Dbounds_checks=true
unit_tests bounds "$@"
unit_tests bounds -m slow -k small_inputs

echo 'unit tests, AddressSanitizer and UBSan'
build sanitized -Db_sanitize=address,undefined -Db_lundef=false -Dbuildtype=debugoptimized
(
    # Python itself is not instrumented, so LD_PRELOAD loads the libraries first. Extensions that
    # throw need libstdc++. Leaks are not checked, because Python has its own.
    for library in libasan.so libubsan.so libstdc++.so.6; do
        LD_PRELOAD="${LD_PRELOAD:-} $(gcc -print-file-name=$library)"
    done
    # A report ends the process, and pytest would lose it. So reports go to files.
    report="$PWD/build/sanitized/report"
    export LD_PRELOAD ASAN_OPTIONS="detect_leaks=0:log_path=$report"
    export UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1:log_path=$report"
    unit_tests sanitized "$@" || { cat "$report".* >&2; exit 1; }
)

echo 'the C functions, AddressSanitizer and UBSan'
python -m pytest tests/kernel/test_builds.py -m 'slow or not slow' -k sanitized
