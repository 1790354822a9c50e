# Thin names for what the scripts and cargo do; `just` alone lists them.

target := env("CARGO_TARGET_DIR", justfile_directory() / "target")
kdev := target / "release" / "kdev"

# This list.
default:
    @just --list

# From a checkout to posts flowing, whatever is missing.
quickstart:
    scripts/quickstart

# Start, or bring up to date, the cluster and the apps.
up *args: build
    {{kdev}} up {{args}}

# Stop and remove containers and network; data stays unless --volumes.
down *args: build
    {{kdev}} down {{args}}

# Every check, the live tests included.
test:
    scripts/test

# kdev beside its peers, measured on this machine: all of it, or parts (start, small, produce, consume, ...).
bench *args:
    bench/run {{args}}

# Format and clippy.
lint:
    cargo fmt --check
    cargo clippy --all-targets --locked -- -D warnings

# The images: pulled, or built where no registry answers; versions may be given.
images *versions:
    scripts/images {{versions}}

# The static binary.
release:
    scripts/release

[private]
build:
    cargo build --release --locked
