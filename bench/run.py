"""Measures the parts asked for, prints the page, and leaves nothing on the engine, also when it is interrupted."""

import argparse
import os
import sys
import time

import consume
import growth
import interrupt
import leftovers
import load
import machine
import produce
import profiles
import report
import roll
import small
import start
from command import Unmeasurable
from engine import Engine
from setup import ROOT, Setup

PARTS = {
    "start": start.measure,
    "small": small.measure,
    "produce": produce.measure,
    "consume": consume.measure,
    "load": load.measure,
    "roll": roll.measure,
    "profiles": profiles.measure,
    "growth": growth.measure,
}


def arguments():
    told = "\n".join(f"  {name:<10}{sys.modules[measure.__module__].__doc__.splitlines()[0]}" for name, measure in PARTS.items())
    parser = argparse.ArgumentParser(
        prog="bench/run", description="kdev's figures, measured beside its peers'.", epilog=f"parts:\n{told}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    # argparse would hold an empty list of positionals against `choices`.
    parser.add_argument("parts", nargs="*", metavar="PART", help="what is measured, as below [default: all]")
    parser.add_argument("--rounds", type=int, default=5, help="of each measurement [default: 5]")
    parser.add_argument("--records", type=int, default=1_000_000, help="of the bulk measurements [default: 1000000]")
    parser.add_argument("--check", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if unknown := set(args.parts) - set(PARTS):
        parser.error(f"no part is named {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    if args.rounds < 1 or args.records < 100:
        parser.error("--rounds must be at least 1, --records at least 100")
    if (named := os.environ.get("KDEV")) and not os.access(named, os.X_OK):
        parser.error(f"KDEV={named} is no program that can be run")
    return args


def main():
    args = arguments()
    if args.check:
        return 0
    kdev = os.environ.get("KDEV") or str(ROOT / "target/release/kdev")
    if not os.access(kdev, os.X_OK):
        sys.exit(f"error: {kdev} is not there\n  try: bench/run")
    interrupt.install()
    begin = time.monotonic()
    prefix = f"kdev-bench-{os.getpid()}"
    setup = Setup(kdev, os.environ.get("KDEV_STATIC", ""), Engine(), prefix, args.records)
    try:
        about = machine.describe(setup) | {"rounds": f"{args.rounds}, of {args.records:,} records"}
        parts = [measure(setup, args.rounds) for name, measure in PARTS.items() if not args.parts or name in args.parts]
        about["it took"] = f"{(time.monotonic() - begin) / 60:.1f} minutes"
        page = report.markdown(about, parts)
        print(page, end="")
        setup.say(f"every sample, and the charts, are beside {report.save(about, parts, page)}")
        code = 0
    except Unmeasurable as error:
        print(f"error: {error}", file=sys.stderr)
        code = 1
    except KeyboardInterrupt:
        setup.say("interrupted")
        code = 130
    with interrupt.shielded():
        if found := leftovers.left(setup.engine, prefix):
            sys.exit(f"error: left on the engine: {', '.join(found)}")
    return code


if __name__ == "__main__":
    sys.exit(main())
