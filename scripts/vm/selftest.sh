#!/bin/bash
# selftest.sh: tests the device-test machine, in real and in virtual time. Prints "N passed, N failed".
set -uo pipefail
here=$(dirname "$(readlink -f "$0")")
repository=$(readlink -f "$here/../..")
target=${CARGO_TARGET_DIR:-$repository/target}
passed=0 failed=0

# check NAME COMMAND...
check() {
    local name=$1 output
    shift
    if output=$("$@" 2>&1); then
        passed=$((passed + 1))
        echo "ok      $name"
    else
        failed=$((failed + 1))
        echo "FAILED  $name"
        [ -z "$output" ] || tail -n 8 <<<"$output" | sed 's/^/        /'
    fi
}

exit_code_is() {
    local wanted=$1 code=0
    shift
    "$@" || code=$?
    [ $code = "$wanted" ] || {
        echo "exit code $code"
        return 1
    }
}

timeout_leaves_nothing() {
    # An unusual size of memory identifies leftovers.
    local memory=$((262144 + $$))K
    CONCLAVE_VM_MEM=$memory CONCLAVE_VM_TIMEOUT=6 exit_code_is 124 "$here/run" sleep 100 || return 1
    ! pgrep -f "mem=$memory"
}

writes_reach_the_repository() {
    local file
    file=$(mktemp -p "$target" vm-selftest.XXXXXX) || return 1
    "$here/run" sh -c "echo from inside >'$file'; echo lost >/etc/vm-selftest" && [ "$(cat "$file")" = "from inside" ] && [ ! -e /etc/vm-selftest ]
    local code=$?
    rm -f "$file"
    return $code
}

two_at_once() {
    local first=0 second=0
    "$here/run" sh -c 'exit 3' &
    local one=$!
    "$here/run" sh -c 'exit 4' &
    local two=$!
    wait $one || first=$?
    wait $two || second=$?
    [ $first.$second = 3.4 ]
}

"$here/../deps.sh" test vm || exit
(cd "$repository" && cargo build -q -p conclave-virtual-camera) || exit
export CONCLAVE_CAMERA=$target/debug/conclave-virtual-camera
"$here/run" true || {
    echo "the machine does not start"
    exit 1
}

check "the exit code comes back" exit_code_is 7 "$here/run" sh -c 'exit 7'
check "a write in the repository stays, a write elsewhere is lost" writes_reach_the_repository
check "two machines run at once" two_at_once
check "a timeout is exit code 124 and leaves no process" timeout_leaves_nothing

report=$(mktemp)
trap 'rm -f "$report"' EXIT
for time in real virtual; do
    echo "in $time time:"
    CONCLAVE_VM_TIME=$time "$here/run" bash "$here/selftest-guest.sh" | tee "$report"
    ended=${PIPESTATUS[0]}
    passed=$((passed + $(grep -c '^ok' "$report")))
    failed=$((failed + $(grep -c '^FAILED' "$report")))
    if [ "$ended" != 0 ] && ! grep -q '^FAILED' "$report"; then failed=$((failed + 1)); fi
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
