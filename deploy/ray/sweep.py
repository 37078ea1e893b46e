"""Runs `carry sweep` on a Ray cluster: each worker plays shards, and the result files come back to one folder.

    python deploy/ray/sweep.py --shards 16 -- --data /data --strategy strategies/anchor.toml --out out/sweep \
        --grid entry.funding=0.011%/8h,0.013%/8h --grid exit.min_hold=1d,3d --walk-forward 5

Everything behind `--` is a `carry sweep` without --shard. The history, the strategy and the binary must be on every machine
at the same place; the results need no shared disk. A shard whose worker is lost is run again on another one. See README.md.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
if not any(word.split("=")[0] == "--address" for word in sys.argv):
    # A Ray of this machine alone: its ports are bound to the loopback address. Ray has no other switch for that.
    os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
import ray

# How often a shard is run again when its worker is lost.
RETRIES = 5


class ShardFailed(Exception):
    """`carry` itself refused or failed: running it again would give the same."""


def out_of(arguments):
    """The folder that --out names."""
    for place, word in enumerate(arguments):
        if word == "--out" and place + 1 < len(arguments):
            return pathlib.Path(arguments[place + 1])
        if word.startswith("--out="):
            return pathlib.Path(word[len("--out=") :])
    sys.exit("carry sweep needs --out DIR behind the --")


def inner(arguments):
    """The arguments of a worker: without the results' folder, of which it has its own, and --json, which it always writes."""
    kept, skip = [], False
    for word in arguments:
        if skip or word.startswith("--out="):
            skip = False
        elif word == "--out":
            skip = True
        elif word != "--json":
            kept.append(word)
    return kept


@ray.remote(num_cpus=1, max_retries=RETRIES)
def run_shard(carry, arguments, shard, shards):
    """Plays one shard in a folder of its own; gives the plan and the result files as bytes."""
    with tempfile.TemporaryDirectory(prefix="carry-sweep-") as folder:
        command = [carry, "sweep", *arguments, "--out", folder, "--shard", f"{shard}/{shards}", "--jobs", "1", "--json"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise ShardFailed(f"shard {shard}/{shards} ended with {done.returncode}: {done.stderr.strip()}")
        place = pathlib.Path(folder)
        files = {path.name: path.read_bytes() for path in sorted(place.glob("results/*.parquet"))}
        return shard, (place / "plan.json").read_text(), files


def keep(out, plan, files):
    """Puts a shard's files into the results; the plan must be the one that is there."""
    there = out / "plan.json"
    if there.exists():
        ours, theirs = json.loads(there.read_text()), json.loads(plan)
        if ours != theirs:
            fields = [name for name in ours if ours[name] != theirs.get(name)]
            raise ShardFailed(f"{out}: a worker played another sweep than the one here ({', '.join(fields)} differ)")
    results = out / "results"
    results.mkdir(parents=True, exist_ok=True)
    for name, content in [("../plan.json", plan.encode()), *files.items()]:
        beside = results / f"{name}.part"
        beside.write_bytes(content)
        beside.replace(results / name)


def sweep(carry, arguments, shards, said=print):
    """Plays all shards on the cluster that is connected, then lets `carry sweep` report on what came back."""
    out, own = out_of(arguments), inner(arguments)
    open_shards = [run_shard.remote(carry, own, shard + 1, shards) for shard in range(shards)]
    while open_shards:
        ready, open_shards = ray.wait(open_shards)
        for shard, plan, files in ray.get(ready):
            keep(out, plan, files)
            said(f"shard {shard}/{shards}: {len(files)} files, {len(open_shards)} shards left")
    # All parts are there: nothing is played, the table, summary.json and the page are made.
    return subprocess.run([carry, "sweep", *arguments]).returncode


def start_here(workers=None):
    """A Ray of this machine, with so many workers."""
    ray.init(address="local", num_cpus=workers, include_dashboard=False, log_to_driver=False)


def main():
    parser = argparse.ArgumentParser(description="carry sweep on a Ray cluster", usage="%(prog)s [options] -- SWEEP...")
    parser.add_argument("--address", help="of the cluster, as ray.init takes it; a local one when it is not given")
    parser.add_argument("--carry", default="carry", help="the binary, at this place on every machine")
    parser.add_argument("--shards", type=int, default=16, help="parts of the work; a few for each core of the cluster")
    parser.add_argument("sweep", nargs=argparse.REMAINDER, help="arguments of carry sweep")
    args = parser.parse_args()
    arguments = args.sweep[1:] if args.sweep[:1] == ["--"] else args.sweep
    out_of(arguments)
    if args.address is None:
        start_here()
    else:
        ray.init(address=args.address, log_to_driver=False)
    try:
        return sweep(args.carry, arguments, args.shards, lambda words: print(words, file=sys.stderr))
    except ray.exceptions.RayTaskError as error:
        print(f"sweep.py: {error.cause}", file=sys.stderr)
    except (ShardFailed, ray.exceptions.WorkerCrashedError) as error:
        print(f"sweep.py: {error}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
