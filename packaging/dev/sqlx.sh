#!/bin/sh
# Renews the offline query data of the hub (cloud-hub/.sqlx), which the sqlx macros check SQL against when no database is
# there. Starts a throw-away PostgreSQL on a Unix socket, applies the roles and migrations, and compiles the hub on it.
#
#   sqlx.sh            writes cloud-hub/.sqlx
#   sqlx.sh --check    writes to a temporary folder, and fails when it differs from what is committed
#
# AGOG_SQLX_DATABASE_URL uses a database that is there and migrated instead of starting one.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
data="$root/cloud-hub/.sqlx"
check=no
case "${1:-}" in
    "") ;;
    --check) check=yes ;;
    *) echo "usage: sqlx.sh [--check]" >&2; exit 2 ;;
esac

work=$(mktemp -d "${TMPDIR:-/tmp}/agog-sqlx.XXXXXX")
server=
cleanup() {
    if [ -n "$server" ]; then
        kill -INT "$server" 2>/dev/null || true
        while kill -0 "$server" 2>/dev/null; do sleep 0.1; done
    fi
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

find_bin() {
    if [ -n "${AGOG_POSTGRES_BIN:-}" ]; then echo "$AGOG_POSTGRES_BIN"; return; fi
    for version in $(ls -r /usr/lib/postgresql 2>/dev/null); do
        if [ "${version%%.*}" -ge 15 ] && [ -x "/usr/lib/postgresql/$version/bin/initdb" ]; then
            echo "/usr/lib/postgresql/$version/bin"
            return
        fi
    done
    path=$(command -v initdb || true)
    [ -n "$path" ] || { echo "sqlx.sh: PostgreSQL 15 or newer is missing; run packaging/dev/setup.sh" >&2; exit 1; }
    dirname "$path"
}

# PostgreSQL refuses to run as root.
unprivileged() {
    if [ "$(id -u)" != 0 ]; then "$@"; return; fi
    if id -u postgres >/dev/null 2>&1; then user=postgres; else user=nobody; fi
    setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups env HOME="$work" "$@"
}

if [ -n "${AGOG_SQLX_DATABASE_URL:-}" ]; then
    url=$AGOG_SQLX_DATABASE_URL
else
    bin=$(find_bin)
    mkdir "$work/pg"
    if [ "$(id -u)" = 0 ]; then
        chmod 755 "$work"
        if id -u postgres >/dev/null 2>&1; then chown postgres "$work/pg"; else chown nobody "$work/pg"; fi
    fi
    unprivileged "$bin/initdb" -D "$work/pg/data" -U agog_owner -A trust -E UTF8 --no-locale --no-sync \
        --no-instructions >"$work/initdb.log" 2>&1 || { cat "$work/initdb.log" >&2; exit 1; }
    (cd "$work/pg" && unprivileged "$bin/postgres" -D "$work/pg/data" -c listen_addresses= \
        -c unix_socket_directories="$work/pg" -c fsync=off -c autovacuum=off -c dynamic_shared_memory_type=mmap \
        >"$work/postgres.log" 2>&1) &
    server=$!
    tries=0
    until "$bin/pg_isready" -q -h "$work/pg" -d postgres; do
        tries=$((tries + 1))
        [ "$tries" -lt 300 ] || { cat "$work/postgres.log" >&2; exit 1; }
        sleep 0.1
    done
    # The shell's child is the subshell; the server itself is the first line of its pid file.
    server=$(head -n 1 "$work/pg/data/postmaster.pid")
    psql="$bin/psql -q -v ON_ERROR_STOP=1 -h $work/pg -U agog_owner"
    $psql -d postgres -c "create database agog"
    for file in "$root/cloud-hub/roles.sql" "$root"/cloud-hub/migrations/*.sql; do
        $psql -d agog -f "$file"
    done
    url="postgres://agog_owner@localhost/agog?host=$work/pg"
fi

mkdir "$work/data"
export DATABASE_URL="$url" SQLX_OFFLINE=false SQLX_OFFLINE_DIR="$work/data"
# The macros write only when they are expanded, so the crate is compiled anew each time.
cd "$root"
touch cloud-hub/src/lib.rs
cargo check --quiet -p agog-hub --all-targets

# Whether a column can be null is read off the planner's choice of joins, which differs between versions of PostgreSQL.
# Both forms compile (this one just did, the committed one is what everybody compiles on), so --check leaves it out.
without_nullable() {
    mkdir "$2"
    for file in "$1"/*.json; do
        sed '/"nullable": \[$/,/\]/d' "$file" >"$2/${file##*/}"
    done
}

if [ "$check" = yes ]; then
    without_nullable "$data" "$work/committed"
    without_nullable "$work/data" "$work/current"
    if ! diff -rq "$work/committed" "$work/current" >"$work/diff"; then
        sed "s#$work/##g" "$work/diff" >&2
        echo "sqlx.sh: the committed query data is out of date; run \`make sqlx\` and commit cloud-hub/.sqlx" >&2
        exit 1
    fi
    echo "query data is up to date ($(find "$data" -name '*.json' | wc -l) queries)"
else
    mkdir -p "$data"
    rm -f "$data"/*.json
    cp "$work/data"/*.json "$data"/
    echo "wrote $(find "$data" -name '*.json' | wc -l) queries to cloud-hub/.sqlx"
fi
