"""Google Cloud through SkyPilot: a managed job a worker, which takes its share of the runs.

SkyPilot finds a zone, makes the machines, mounts the bucket, and after a preemption starts the job
elsewhere; the worker then goes on from its last checkpoint in the bucket. All hosts of a TPU pod run
the same command, and SkyPilot tells them of each other.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from data_pipelines.errors import OstinatoError
from data_pipelines.system.children import program
from sweeps.engines import bundle
from sweeps.engines.accelerators import canonical, find_slice
from sweeps.engines.job import MOUNT, Job, Request, Submission, as_yaml, bucket_and_path, slug
from sweeps.planning.accelerators import find_gpu
from sweeps.study.storage import check_writable

_NO_SKYPILOT = (
    "to: gcp needs SkyPilot's sky on the PATH; install it into an environment of its own: "
    "pipx install 'skypilot[gcp]'"
)

_CODE = "~/ostinato-code.tar.gz"

_SETUP = """\
set -e
python3 -m pip install --quiet uv
mkdir -p ~/ostinato-code && tar -xzf {code} -C ~/ostinato-code
cd ~/ostinato-code
python3 -m uv venv --quiet --python 3.11 ~/ostinato-venv
python3 -m uv pip install --quiet --python ~/ostinato-venv -c constraints.txt '.{extra}'
"""

_HOSTS = """\
if [ "$SKYPILOT_NUM_NODES" -gt 1 ]; then  # the hosts of a TPU pod
  export OSTINATO_COORDINATOR="$(head -n1 <<<"$SKYPILOT_NODE_IPS"):8476"
  export OSTINATO_HOSTS="$SKYPILOT_NUM_NODES" OSTINATO_HOST="$SKYPILOT_NODE_RANK"
fi
"""

_ENDED = ("SUCCEEDED", "CANCELLED", "FAILED")


def complete(request: Request) -> Request:
    """The request with its accelerator's own name, once it is known to exist."""
    request.refuse("gcp", "partition", "time", "memory", "gpus", "image")
    if request.accelerator:
        return request.model_copy(update={"accelerator": canonical(request.accelerator)})
    return request


def dollars_per_hour(request: Request) -> float | None:
    """List price of all workers on demand; None where it is not known here."""
    if not request.accelerator or find_gpu(request.accelerator):
        return None
    return request.workers * find_slice(request.accelerator).dollars_per_hour


def render(job: Job) -> str:
    """The task, in YAML: that of the first worker, for the others differ in OSTINATO_SHARE alone."""
    return as_yaml(_task(job))


def reach(out: Path) -> None:
    """Raise OstinatoError without SkyPilot, credentials, or a bucket that can be written."""
    if not _program():
        raise OstinatoError(_NO_SKYPILOT)
    bucket_and_path(out)
    import google.auth
    from google.auth.exceptions import DefaultCredentialsError

    try:
        google.auth.default()
    except DefaultCredentialsError:
        raise OstinatoError(
            "to: gcp has no credentials; run `gcloud auth application-default login`"
        ) from None
    check_writable(out)


def check(job: Job) -> None:
    """Raise OstinatoError where the code in hand is no commit, which machines would get, or they
    would have no key for Weights & Biases."""
    bundle.check()
    if job.needs_wandb_key and "WANDB_API_KEY" not in os.environ:
        raise OstinatoError(
            "wandb: gcp's machines are not logged in; set WANDB_API_KEY here, which they are told as "
            "a secret, or WANDB_MODE=offline"
        )


def submit(job: Job) -> str:
    """Launch a managed job for each worker; the id is what their names begin with."""
    name = f"{slug(job.name)}-{int(time.time()):x}"
    with TemporaryDirectory() as directory:
        code, text = Path(directory) / "code.tar.gz", Path(directory) / "task.yaml"
        bundle.write(code)
        task = _task(job)
        task["file_mounts"][_CODE] = str(code)
        text.write_text(as_yaml(task))
        secret = ("--secret", "WANDB_API_KEY") if job.needs_wandb_key else ()
        for number in range(job.request.workers):
            share = f"OSTINATO_SHARE={number}/{job.request.workers}"
            command = ("jobs", "launch", "--yes", "--detach-run", "--name", f"{name}-{number}")
            _sky(*command, *secret, "--env", share, str(text))
    return name


def states(submission: Submission) -> dict[str, int]:
    """How many managed jobs are in which of SkyPilot's states."""
    return dict(Counter(job["status"].lower() for job in _jobs(submission)))


def logs(directory: Path, submission: Submission, lines: int) -> str:
    """The last lines of each worker that has not ended."""
    parts = []
    for job in _jobs(submission):
        tail = _sky("jobs", "logs", "--no-follow", "--tail", str(lines), "--name", job["job_name"])
        parts.append(f"==> {job['job_name']}\n{tail.rstrip()}")
    return "\n".join(parts)


def cancel(submission: Submission) -> None:
    """Cancel its managed jobs."""
    for job in _jobs(submission):
        _sky("jobs", "cancel", "--yes", "--name", job["job_name"])


def _task(job: Job) -> dict[str, Any]:
    request = job.request
    bucket, path = bucket_and_path(job.out)
    resources: dict[str, Any] = {"infra": "gcp", "use_spot": request.spot}
    extras = [*job.options.writers]
    if not request.accelerator:
        resources["cpus"] = f"{request.cpus}+"
    elif gpu := find_gpu(request.accelerator):
        resources["accelerators"] = gpu
        extras.append("cuda")
    else:
        found = find_slice(request.accelerator)
        resources["accelerators"] = found.sky_name
        extras.append("tpu")
        resources["accelerator_args"] = {"tpu_vm": True, "runtime_version": found.runtime}
    # A worker ends well when nothing is left for it: only a machine's loss starts it again.
    resources["job_recovery"] = {"strategy": "EAGER_NEXT_REGION", "max_restarts_on_errors": 1}
    jobs = [] if request.accelerator else ["--jobs", str(request.cpus)]
    # The home's path is for the shell of the machine to find, so it stays unquoted.
    sweep = job.sweep(out=f"{MOUNT}/{path}", options=jobs)
    return {
        "name": slug(job.name),
        "num_nodes": 1,
        "resources": resources,
        "envs": {"OSTINATO_SHARE": f"0/{request.workers}"} | job.environment,
        "file_mounts": {
            MOUNT: {"source": bucket, "mode": "MOUNT"},
            _CODE: f"{bundle.label()}.tar.gz",
        },
        "setup": _SETUP.format(code=_CODE, extra=f"[{','.join(extras)}]" if extras else ""),
        "run": f"{_HOSTS}~/ostinato-venv/bin/ostinato {sweep}\n",
    }


def _jobs(submission: Submission) -> list[dict[str, Any]]:
    listed = json.loads(_sky("jobs", "queue", "--all", "--output", "json"))
    return [
        job
        for job in listed
        if str(job.get("job_name")).startswith(f"{submission.id}-")
        and not str(job["status"]).startswith(_ENDED)
    ]


def _program() -> str | None:
    return shutil.which("sky", path=str(Path(sys.executable).parent)) or shutil.which("sky")


def _sky(*arguments: str) -> str:
    sky = _program()
    if not sky:
        raise OstinatoError(_NO_SKYPILOT)
    done = subprocess.run(program(sky, *arguments), capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        why = lines[-1] if lines else f"exit code {done.returncode}"
        raise OstinatoError(f"gcp: {shlex.join(('sky', *arguments[:2]))}: {why}")
    return done.stdout
