"""The sweep on a local Ray of two workers, one of which is killed in the middle: the files must be those of one process.

    python deploy/ray/check.py CARRY DATA      DATA is a folder of history, for example from `carry data sample`

Prints what it did; ends with 0 when all files are the same. Without ray it says so and ends with 0; with CI=true that is a failure.
"""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
try:
    from sweep import ray, start_here, sweep
except ImportError:
    print("skipped: this Python has no ray (see .ci/requirements-ray.txt)")
    sys.exit(1 if os.environ.get("CI") == "true" else 0)

SHARDS = 6
# How long one of the workers may take to begin, seconds.
PATIENCE = 120


def files(out):
    return {path.name: path.read_bytes() for path in sorted((out / "results").glob("*.parquet"))}


def children(pid):
    """Processes that this one started, by /proc."""
    found = []
    for place in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            parent = int((place / "stat").read_text().rsplit(")", 1)[1].split()[1])
            command = (place / "cmdline").read_bytes().split(b"\0")
        except (OSError, IndexError, ValueError):
            continue
        if parent == pid:
            found.append((int(place.name), command))
    return found


def worker_of(binary, root):
    """A worker below `root` that plays a shard just now: the parent of a `carry sweep`."""
    below, seen = [root], []
    while below:
        pid = below.pop()
        for child, command in children(pid):
            below.append(child)
            if command[:2] == [binary.encode(), b"sweep"] and b"--shard" in command:
                seen.append(pid)
    return seen[0] if seen else None


def kill_one(binary, told):
    """Waits until a worker plays, and kills it."""
    ended = time.monotonic() + PATIENCE
    while time.monotonic() < ended:
        pid = worker_of(binary, os.getpid())
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            told.append(pid)
            return
        threading.Event().wait(0.02)


def main():
    binary, data = str(pathlib.Path(sys.argv[1]).resolve()), str(pathlib.Path(sys.argv[2]).resolve())
    root = pathlib.Path(__file__).resolve().parents[2]
    os.chdir(root)
    with tempfile.TemporaryDirectory(prefix="carry-ray-") as folder:
        one, many = pathlib.Path(folder, "one"), pathlib.Path(folder, "many")
        arguments = ["--data", data, "--strategy", "strategies/anchor.toml", "--walk-forward", "3"]
        arguments += ["--grid", "entry.funding=0.004%/8h,0.006%/8h,0.008%/8h,0.01%/8h,0.013%/8h,0.02%/8h"]
        arguments += ["--grid", "exit.min_hold=1d,2d,5d"]
        subprocess.run([binary, "sweep", *arguments, "--out", str(one), "--json"], check=True, stdout=subprocess.DEVNULL)
        start_here(workers=2)
        addresses = {node["NodeManagerAddress"] for node in ray.nodes()}
        assert addresses == {"127.0.0.1"}, f"bound to {addresses}"
        killed, lines = [], []
        killer = threading.Thread(target=kill_one, args=(binary, killed))
        killer.start()
        code = sweep(binary, [*arguments, "--out", str(many), "--json"], SHARDS, lines.append)
        killer.join()
        ray.shutdown()
        print("\n".join(lines))
        assert code == 0, f"carry sweep ended with {code}"
        assert killed, "no worker was killed: the sweep was over too soon"
        assert len(lines) == SHARDS, lines
        before, after = files(one), files(many)
        assert before and before == after, f"{len(before)} files of one process, {len(after)} of the cluster"
        print(f"worker {killed[0]} was killed; {len(after)} files, all as one process makes them")


if __name__ == "__main__":
    main()
