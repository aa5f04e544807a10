"""What engines render, without any of them at hand."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from data_pipelines.errors import OstinatoError
from sweeps.engines import engine_named
from sweeps.engines.job import Job, Request
from sweeps.grids.files import load_plan
from sweeps.planning.accelerators import GPUS, _generations
from sweeps.study.storage import location
from sweeps.study.store import StudyDirectory
from tests.sweeps.command_line import bad, ostinato


def test_a_batch_script_quotes_what_comes_from_the_user(grid, tmp_path):
    out, select = tmp_path / "a b;`x`", "repeats > 8 and corpus != '$(rm -rf /)'"
    script = ostinato(
        *("submit", grid, "--to", "slurm", "--out", out, "--dry-run", "--workers", 3),
        *("--select", select, "--time", "1-00:00:00", "--gpus", 1, "--data-dir", tmp_path / "$d"),
        check=0,
    ).stdout
    assert not out.exists()
    (command,) = (line for line in script.splitlines() if " sweep " in line)
    words = shlex.split(command)
    assert words[words.index("--select") + 1] == select
    assert words[words.index("--out") + 1] == str(out)
    assert words[words.index("--data-dir") + 1] == str(tmp_path / "$d")
    assert "#SBATCH --array=0-1" in script and "#SBATCH --gpus=1" in script
    assert "#SBATCH --time=1-00:00:00" in script


def test_what_a_limit_means_is_said_and_no_task_is_asked_for_that_has_no_run(grid, tmp_path):
    asked = ("submit", grid, "--to", "slurm", "--out", tmp_path / "out", "--dry-run")
    done = ostinato(*asked, "--workers", 64, "--time", "4:00", "--memory", "16 gb", check=0)
    assert "#SBATCH --time=00:04:00" in done.stdout and "#SBATCH --mem=16G" in done.stdout
    assert "#SBATCH --array=0-5" in done.stdout
    said = "6 of 6 runs to train: 184k tokens"
    assert done.stderr.startswith(said) and done.stderr.count("\n") == 1
    assert "by 6 workers, each with 16G of memory and at most 4 minutes at a time" in done.stderr
    one = ostinato(*asked, "--select", "repeats == 8 and d_model == 16", check=0)
    assert "#SBATCH --array=0-0" in one.stdout and "by 1 worker\n" in one.stderr


def test_a_dry_run_counts_the_runs_of_a_study_that_are_left(grid, tmp_path):
    plan = load_plan(grid)
    study = StudyDirectory(tmp_path / "out")
    study.create(plan, grid)
    for run in plan.runs[1:]:
        study.run(run.run_id).finish({})
    asked = ("submit", grid, "--to", "slurm", "--out", study.path, "--dry-run", "--workers", 4)
    assert "#SBATCH --array=0-0" in ostinato(*asked, check=0).stdout
    study.run(plan.runs[0].run_id).finish({})
    done = ostinato(*asked, check=0).stdout
    assert done == f"{study.path}: all of its 6 runs are done\n"


def test_workers_are_told_how_runs_shall_be_carried_out(grid, tmp_path):
    table = tmp_path / "plan.csv"
    table.write_text("d_model,layout\n16,remat=true\n32,fsdp=2\n")
    asked = ("submit", grid, "--to", "slurm", "--out", tmp_path / "out", "--dry-run")
    options = ("--layout", table, "--keep", 3, "--profile", "--tensorboard", "--wandb")
    script = ostinato(*asked, *options, check=0).stdout
    (command,) = (line for line in script.splitlines() if " sweep " in line)
    words = shlex.split(command.rstrip("&"))
    # The workers' own copy of the table, for theirs is another machine.
    assert words[-7:] == [
        *("--keep", "3", "--profile", "--tensorboard", "--wandb"),
        *("--layout", str(tmp_path / "out" / "layouts.csv")),
    ]
    stacked = ostinato(*asked, "--stack", 4, check=0).stdout
    assert " --stack 4 &" in stacked and "--keep" not in stacked
    threaded = ostinato(*asked, "--cpus", 4, "--threads", 2, check=0).stdout
    assert " --jobs 2 --threads 2 &" in threaded
    bad(ostinato(*asked, "--stack", 4, "--profile"), "stack: goes with neither layout")
    bad(ostinato(*asked, "--layout", "fdsp=8"), "layout: fdsp: unknown key")
    bad(ostinato(*asked, "--layout", tmp_path / "no.csv"), "no.csv cannot be read")
    task = yaml.safe_load(
        ostinato(
            *("submit", grid, "--to", "gcp", "--out", "gs://bucket/a", "--dry-run"),
            *("--accelerator", "v5e-8", *options),
            check=0,
        ).stdout
    )
    assert "--layout /ostinato/a/layouts.csv" in task["run"]
    assert "'.[tensorboard,wandb,tpu]'" in task["setup"]


def test_clouds_are_told_where_curves_go_and_never_the_key(grid, monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", "0123456789abcdef")
    monkeypatch.setenv("WANDB_ENTITY", "lab")
    monkeypatch.delenv("WANDB_MODE", raising=False)
    asked = ("submit", grid, "--out", "gs://bucket/a", "--accelerator", "v5e-8", "--dry-run")
    asked = {"gcp": (*asked, "--wandb"), "gke": (*asked, "--wandb", "--image", "i")}
    texts = {to: ostinato(*words, "--to", to, check=0).stdout for to, words in asked.items()}
    assert not any("0123456789abcdef" in text for text in texts.values())
    assert yaml.safe_load(texts["gcp"])["envs"]["WANDB_ENTITY"] == "lab"
    pod = yaml.safe_load(texts["gke"])["spec"]["template"]["spec"]
    environment = {each.pop("name"): each for each in pod["containers"][0]["env"]}
    assert environment["WANDB_ENTITY"] == {"value": "lab"}
    secret = environment["WANDB_API_KEY"]["valueFrom"]["secretKeyRef"]
    assert secret == {"name": "wandb", "key": "api-key"}
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert "WANDB_API_KEY" not in ostinato(*asked["gke"], "--to", "gke", check=0).stdout


def test_bad_input_of_submit_is_one_line(grid, tmp_path, monkeypatch):
    asked = ("submit", grid, "--out", tmp_path / "out")
    bad(ostinato(*asked, "--to", "slrum"), "to: slrum: unknown engine; did you mean slurm")
    bad(ostinato(*asked, "--to", "slurm", "--time", "soon"), "time: write 4h, 90min or 1d12h")
    bad(ostinato(*asked, "--to", "slurm", "--time", "2:00"), "time: 2 minutes leave none to train")
    bad(ostinato(*asked, "--to", "slurm", "--memory", "16"), "memory: a number alone is megabytes")
    partition = ostinato(*asked, "--to", "slurm", "--partition", "a;b")
    bad(partition, "partition: letters, digits and .,:=@+/- make a name, such as gpu-long")
    bad(ostinato(*asked[:-1], "a\nb", "--to", "slurm"), "out: ")
    bad(ostinato(*asked, "--to", "slurm", "--select", "params > 1e12"), "no run of tiny matches")
    monkeypatch.setenv("PATH", str(tmp_path))
    bad(ostinato(*asked, "--to", "slurm", "--yes"), "slurm: sinfo is not on the PATH")
    bad(ostinato("logs", tmp_path), "no job was submitted")
    bad(ostinato("cancel", tmp_path), "holds no study")
    assert not (tmp_path / "out").exists()


def test_an_unknown_engine_names_the_nearest():
    with pytest.raises(OstinatoError, match="did you mean slurm"):
        engine_named("slurn")


SELECT = "repeats > 8 and corpus != '$(rm -rf /)'"
SLICES = [
    f"{kind}-{chips * generation.cores_per_chip}"
    for kind, generation in _generations().items()
    for chips in generation.topologies
]


def job(engine: str, accelerator: str | None, **asked) -> Job:
    asked |= {"image": "registry.example/ostinato:1"} if engine == "gke" else {}
    request = Request(workers=3, accelerator=accelerator, **asked)
    request = engine_named(engine).complete(request)
    return Job("Tiny_2", location("gs://bucket/a/$b"), SELECT, Path("/data"), request)


_LOAD = """
import json, sys
import sky
found = []
for path in sys.argv[1:]:
    task = sky.Task.from_yaml(path)
    (resources,) = task.resources
    mounts = {where: storage.source for where, storage in task.storage_mounts.items()}
    found.append([resources.accelerators, resources.use_spot, str(resources.cloud), mounts, task.run])
print(json.dumps(found))
"""


@pytest.mark.slow
def test_skypilot_loads_the_task_of_every_accelerator_without_its_catalogue_of_zones(tmp_path):
    code, paths = tmp_path / "code.tar.gz", []
    code.write_bytes(b"")
    asked = [*SLICES, *GPUS, "H100:8", None]
    for number, accelerator in enumerate(asked):
        task = yaml.safe_load(engine_named("gcp").render(job("gcp", accelerator, spot=True)))
        (bundle,) = (where for where in task["file_mounts"] if where.startswith("~"))
        task["file_mounts"][bundle] = str(code)
        paths.append(tmp_path / f"{number}.yaml")
        paths[-1].write_text(yaml.safe_dump(task))
    environment = os.environ | {"HOME": str(tmp_path), "SKYPILOT_DISABLE_USAGE_COLLECTION": "1"}
    command = [sys.executable, "-c", _LOAD, *map(str, paths)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    loaded = json.loads(done.stdout.splitlines()[-1])
    sky_names = {"v5e": "tpu-v5litepod", "v5p": "tpu-v5p", "v6e": "tpu-v6e"}
    for accelerator, (accelerators, spot, cloud, mounts, run) in zip(asked, loaded, strict=True):
        kind, _, size = (accelerator or "").partition("-")
        if accelerator in SLICES:
            assert accelerators == {f"{sky_names[kind]}-{size}": 1}
        elif accelerator:
            assert accelerators == {accelerator.split(":")[0]: 8 if ":" in accelerator else 1}
        assert spot and cloud == "GCP" and mounts == {"/ostinato": "gs://bucket"}
        words = shlex.split(run.splitlines()[-1])
        assert words[words.index("--select") + 1] == SELECT
        assert words[words.index("--out") + 1] == "/ostinato/a/$b"


@pytest.mark.slow
@pytest.mark.parametrize("accelerator", SLICES)
def test_kubernetes_schemas_hold_for_every_slice(accelerator):
    for queue in (None, "research"):
        text = engine_named("gke").render(job("gke", accelerator, partition=queue))
        manifest = yaml.safe_load(text)
        labels = manifest["metadata"]["labels"]
        assert labels.get("kueue.x-k8s.io/queue-name") == queue
        hosts = 1
        if manifest["kind"] == "JobSet":
            # Most of a second to import, which no other process of a session needs.
            from kubeflow_trainer_api.models.jobset_v1alpha2_job_set import JobsetV1alpha2JobSet

            # What its published schema knows comes back; what it does not know would be left out.
            assert JobsetV1alpha2JobSet.from_dict(manifest).to_dict() == manifest
            (replicated,) = manifest["spec"]["replicatedJobs"]
            assert replicated["replicas"] == 3
            hosts = replicated["template"]["spec"]["parallelism"]
            envelope = {"apiVersion": "batch/v1", "kind": "Job", "metadata": manifest["metadata"]}
            manifest = envelope | replicated["template"]
        kubernetes_validate.validate(manifest, "1.32", strict=True)
        pod = manifest["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        kind, _, size = accelerator.partition("-")
        chips = int(size) // (2 if kind == "v5p" else 1)
        assert container["resources"]["limits"]["google.com/tpu"] * hosts == chips
        topology = pod["nodeSelector"]["cloud.google.com/gke-tpu-topology"]
        (volume,) = pod["volumes"]  # on which checkpoints are renamed when they are whole
        options = volume["csi"]["volumeAttributes"]["mountOptions"].split(",")
        assert "implicit-dirs" in options and "rename-dir-limit=10000" in options
        assert topology == _generations()[kind].topologies[chips]
        command = [word.replace("$$", "$") for word in container["command"]]
        assert command[command.index("--select") + 1] == SELECT


def test_bad_input_of_clouds_is_one_line_and_touches_no_bucket(grid, tmp_path, monkeypatch):
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "")
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    asked = ("submit", grid, "--out", "gs://bucket/study", "--to")
    bad(ostinato(*asked, "gcp", "--accelerator", "v5e-9"), "v5e-9: unknown accelerator; did you")
    bad(ostinato(*asked, "gcp", "--accelerator", "h100x"), "h100x: unknown accelerator; did you")
    bad(ostinato(*asked, "gcp", "--partition", "p"), "partition: gcp does not take it")
    bad(ostinato(*asked, "gcp", "--accelerator", "v5e-8", "--yes"), "to: gcp has no credentials")
    bad(ostinato(*asked, "gke", "--accelerator", "v5e-8"), "image: gke wants a container image")
    bad(ostinato(*asked, "gke", "--accelerator", "L4", "--image", "i"), "gke wants a TPU slice")
    bad(
        ostinato(*asked, "gcp", "--data-dir", "d"), "data-dir: d is no place on the machines of gcp"
    )
    bad(ostinato(*asked, "slurm", "--spot"), "spot: slurm does not take it")
    bad(
        ostinato(*asked, "slurm", "--dry-run"), "is a bucket; give a directory that the nodes share"
    )
    bad(ostinato("sweep", grid, "--out", "gs://bucket/study"), "workers write to a directory")
    bad(ostinato("status", "gs://bucket/../x"), "give a bucket and a path in it")
    bad(ostinato("status", "ftp://bucket/x"), "ftp:// is no kind of bucket")
