# shellcheck shell=bash disable=SC2034
# Shared by the scripts beside it; sourced, never run.
# Every script says in one line each thing it does, on stderr: stdout is kept for data.

# The checkout this script belongs to, wherever it is and wherever it was called from.
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# say TEXT: one line about what is being done.
say() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; }

# die WHAT [HINT...]: why it cannot go on, and what to type; exit 1.
die() {
  printf 'error: %s\n' "$1" >&2
  shift
  local prefix='try'
  for hint in "$@"; do
    printf '  %s: %s\n' "$prefix" "$hint" >&2
    prefix=' or'
  done
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# quietly COMMAND...: runs it and shows its output only where it fails.
quietly() {
  local output status=0
  output=$("$@" 2>&1 </dev/null) || status=$?
  if [ "$status" -ne 0 ]; then
    printf '%s\n' "$output" | tail -n 40 >&2
    printf 'error: `%s` ended with code %d\n' "$*" "$status" >&2
  fi
  return "$status"
}

is_debian() { have apt-get && [ -r /etc/debian_version ]; }

# apt_install WHY PACKAGE...: installs what is not there yet; nothing is downloaded where all is.
apt_install() {
  local why=$1 missing=() package
  shift
  for package in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  [ "$(id -u)" -eq 0 ] || die "$why needs the packages: ${missing[*]}" "sudo apt-get install ${missing[*]}"
  say "installing ${missing[*]} ($why)"
  quietly apt-get update
  quietly env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"
}

# The default names of the images that scripts/images makes where no registry answers.
LOCAL_KAFKA_IMAGE='kdev-local/kafka:{version}'
LOCAL_PYTHON_IMAGE='kdev-local/python:3'

# Where cargo puts what it builds.
TARGET=${CARGO_TARGET_DIR:-$ROOT/target}

# rust_ready [COMPONENT...]: cargo (with rustfmt, clippy) and what librdkafka's C sources need.
rust_ready() {
  if ! have cargo && [ -x "$HOME/.cargo/bin/cargo" ]; then PATH=$HOME/.cargo/bin:$PATH; fi
  have cargo || die "no Rust toolchain" "curl --proto '=https' -sSf https://sh.rustup.rs | sh -s -- -y, then run this again"
  local component
  for component in "$@"; do
    case $component in
      rustfmt) cargo fmt --version >/dev/null 2>&1 || quietly rustup component add rustfmt ;;
      clippy) cargo clippy --version >/dev/null 2>&1 || quietly rustup component add clippy ;;
    esac
  done
  if is_debian; then
    apt_install "building librdkafka" gcc g++ make libc6-dev pkg-config
  elif ! have cc || ! have make; then
    die "building librdkafka needs a C compiler and make" "install them with your package manager"
  fi
}
