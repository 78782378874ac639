#!/usr/bin/env bash
# House rules that no compiler checks. Each broken one is printed as file:line and a sentence; `make check` runs this.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# A file that holds more than this holds more than one idea.
readonly LINES_MAX=600

broken=0
report() { # rule on standard input: one place per line
    local places
    places=$(cat)
    [ -n "$places" ] || return 0
    broken=1
    printf '%s\n' "$places" | sed "s|$| — $1|"
}
# Also files that are not committed yet.
files() { git ls-files --cached --others --exclude-standard -- "$@" | while read -r file; do [ ! -f "$file" ] || printf '%s\n' "$file"; done; }
matches() { # pattern, then paths
    local pattern=$1
    shift
    files "$@" | xargs -r grep -nHE -- "$pattern" | cut -c 1-160 || true
}

matches '\b(todo!|unimplemented!|dbg!) *\(|\b(TODO|FIXME|XXX)\b' '*.rs' '*.sql' '*.ts' '*.tsx' | report "finish it, or say in the README what is not there"
matches '#\[ignore' '*.rs' | report "a test that does not run tests nothing"
matches '(time|thread)::sleep' '*/tests/*.rs' 'tests/*.rs' | report "wait on a condition with a limit (tests/src/support/wait.rs)"
files 'jdf/src/*.rs' 'sync/src/*.rs' 'edge-agent/src/*.rs' 'cloud-hub/src/*.rs' 'fixtures/press-simulator/src/*.rs' | grep -vE '(^|/|_)tests?(\.rs|/)' |
    xargs -r -n 1 awk -v pattern='[.]unwrap[(][)]|[.]expect[(]""[)]' '/#\[cfg\(test\)\]/ { exit } $0 ~ pattern && $0 !~ /^ *\/\// { print FILENAME ":" FNR ": " $0 }' |
    report "input never panics: return an error, or \`expect\` with the reason why it holds"
files '*.rs' | while read -r file; do
    case "$(head -n 1 "$file")" in "//!"*) ;; *) printf '%s:1:\n' "$file" ;; esac
done | report "begin with //!: what this file is for"
files '*.rs' | while read -r file; do
    lines=$(wc -l <"$file")
    [ "$lines" -le "$LINES_MAX" ] || printf '%s:%s:\n' "$file" "$lines"
done | report "longer than $LINES_MAX lines: does it still hold one idea?"

[ "$broken" = 0 ] || { echo "tidy: house rules are broken" >&2; exit 1; }
