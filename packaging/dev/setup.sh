#!/usr/bin/env bash
# Finds what building, testing and trying AGOG needs, and installs what is missing:
# system packages through apt, cargo tools through `cargo install`.
#
#   packaging/dev/setup.sh --for demo|test|check|bench
#
# It says each thing that it does, asks nothing (but sudo may ask for a password on a terminal),
# starts and stops no service, and takes a moment when all is there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly POSTGRES_MAJOR_MIN=15
# Both build with the compiler that the workspace asks for.
readonly NEXTEST_VERSION=0.9.151
readonly DENY_VERSION=0.20.2

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

purpose=test
case "${1:-}" in
    --for) purpose="${2:-}" ;;
    "") ;;
    *) fail "unknown argument \`$1\`; usage: setup.sh --for demo|test|check|bench" ;;
esac
case "$purpose" in
    demo | test | check | bench) ;;
    *) fail "--for takes demo, test, check or bench, not \`$purpose\`" ;;
esac

# Debian keeps daemons where an ordinary user's PATH does not look.
PATH="$PATH:${CARGO_HOME:-$HOME/.cargo}/bin:/usr/local/sbin:/usr/sbin:/sbin"

# --- what is missing ---------------------------------------------------------------------------

postgres_major() { "$1/postgres" --version 2>/dev/null | sed -nE 's/.* ([0-9]+)[.a-z].*/\1/p'; }

# The same places as tests/src/support/postgres.rs.
have_postgres() {
    local folder major
    for folder in "${AGOG_POSTGRES_BIN:-}" "$(pg_config --bindir 2>/dev/null || true)" /usr/lib/postgresql/*/bin; do
        [ -x "$folder/postgres" ] && [ -x "$folder/initdb" ] || continue
        major=$(postgres_major "$folder")
        [ -n "$major" ] && [ "$major" -ge "$POSTGRES_MAJOR_MIN" ] && return 0
    done
    return 1
}

missing=() # lines of "apt package<TAB>what it is"
need() { missing+=("$1"$'\t'"$2"); }
find_missing() {
    missing=()
    # aws-lc, SQLite and zstd are compiled from C. A compiler without the C library's headers is no use.
    printf '#include <stdlib.h>\n' | cc -E -x c - >/dev/null 2>&1 || need build-essential "a C compiler and the C library's headers"
    have make || need make "make"
    # Checks need it for the query data (sqlx.sh).
    have_postgres || need postgresql "PostgreSQL $POSTGRES_MAJOR_MIN or newer (server: postgres, initdb)"
    have setpriv || need util-linux "setpriv of util-linux"
    [ "$purpose" != check ] || return 0
    have mosquitto || need mosquitto "the MQTT broker Mosquitto"
    # Tests validate with it; the benchmark compares with it.
    [ "$purpose" = test ] || [ "$purpose" = bench ] || return 0
    have xmllint || need libxml2-utils "xmllint of libxml2"
    have strace || need strace "strace, under which power cuts are tried"
    [ "$purpose" = test ] || return 0
    python3 -c 'import ensurepip, venv' >/dev/null 2>&1 || need python3-venv "Python 3 with venv"
}

# --- system packages ---------------------------------------------------------------------------

readonly NOT_ROOT=111
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif have sudo && sudo -n true 2>/dev/null; then
        sudo -n "$@"
    elif have sudo && [ -t 0 ]; then
        say "sudo is needed for that and may ask for your password"
        sudo "$@"
    else
        return "$NOT_ROOT"
    fi
}

find_missing
if [ ${#missing[@]} -gt 0 ]; then
    printf 'setup: missing: %s\n' "${missing[@]#*$'\t'}"
    if ! have apt-get; then
        fail "there is no apt on this machine: install the above with its own package manager and run this again" \
            "(a PostgreSQL in an unusual place: set AGOG_POSTGRES_BIN to its bin folder)"
    fi
    packages=("${missing[@]%%$'\t'*}")
    say "installing through apt: ${packages[*]}"
    status=0
    as_root bash packaging/dev/apt-install.sh "${packages[@]}" || status=$?
    if [ "$status" = "$NOT_ROOT" ]; then
        fail "installing needs root, and there is no sudo that works without a password here: run" \
            "\`apt-get install ${packages[*]}\` as root, then this again"
    fi
    [ "$status" = 0 ] || fail "apt could not install the above; its message says why"
    find_missing
    have_postgres ||
        say "the PostgreSQL of these apt sources is too old; the PostgreSQL project's own has newer ones:" \
            "\`/usr/share/postgresql-common/pgdg/apt.postgresql.org.sh\`, then \`apt-get install postgresql-$POSTGRES_MAJOR_MIN\`, both as root"
    [ ${#missing[@]} = 0 ] || fail "still missing: ${missing[*]#*$'\t'}"
fi

# --- an implementation of Sparkplug B by others -------------------------------------------------

# In target/, so that nothing of the system changes and `cargo clean` removes it.
readonly PYTHON_FOLDER=target/pysparkplug PYTHON_WANTED=edge-agent/tests/sparkplug/requirements.txt
if [ "$purpose" = test ] && ! cmp -s "$PYTHON_WANTED" "$PYTHON_FOLDER/installed.txt"; then
    say "installing pysparkplug into $PYTHON_FOLDER (once)"
    mkdir -p target
    if python3 -m venv --clear "$PYTHON_FOLDER" &&
        "$PYTHON_FOLDER/bin/pip" install --quiet --disable-pip-version-check --requirement "$PYTHON_WANTED"; then
        cp "$PYTHON_WANTED" "$PYTHON_FOLDER/installed.txt"
    else
        # The other tests need nothing of it.
        rm -rf "$PYTHON_FOLDER"
        say "pysparkplug could not be installed (is there no network?); the tests of the Sparkplug host will fail and say so"
    fi
fi

# --- Rust --------------------------------------------------------------------------------------

have cargo || fail "there is no cargo: install Rust from https://rustup.rs"
if [ "$purpose" = check ]; then
    for component in clippy rustfmt; do
        program=cargo-${component/rustfmt/fmt}
        "$program" --version >/dev/null 2>&1 && continue
        have rustup || fail "there is no $program: install the $component of your Rust toolchain"
        say "adding $component to the Rust toolchain"
        rustup --quiet component add "$component"
    done
fi

# A tool is built once and then kept in the user's cargo folder, so a quick build matters more than a quick tool:
# the release profile of these crates (fat LTO) takes several times as long.
cargo_tool() {
    local crate=$1 version=$2
    have "$crate" && return
    say "building $crate $version with \`cargo install\` (once; some minutes)"
    (
        # Away from this folder's cargo configuration, and into a build folder that cargo removes.
        cd /
        env -u CARGO_TARGET_DIR \
            CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
            cargo install --quiet --locked "$crate" --version "$version"
    ) || fail "$crate could not be built; see the error above"
}
case "$purpose" in
    test) cargo_tool cargo-nextest "$NEXTEST_VERSION" ;;
    check) cargo_tool cargo-deny "$DENY_VERSION" ;;
esac
