"""Google Kubernetes Engine, as text: TPU slices for the user's own kubectl to apply.

A slice of one host is an Indexed Job; slices of several hosts are a JobSet, whose jobs each get a
slice of their own. With a queue, Kueue starts them when there is room. The bucket is mounted by the
Cloud Storage FUSE driver, which the cluster has to have.
"""

from __future__ import annotations

import shlex
from typing import Any, NoReturn

from data_pipelines.errors import OstinatoError
from sweeps.engines.accelerators import Slice, find_slice
from sweeps.engines.job import LAYOUTS, MOUNT, Job, Request, as_yaml, bucket_and_path, slug
from sweeps.planning.accelerators import find_gpu

_MOUNT_OPTIONS = "implicit-dirs,rename-dir-limit=10000"
"""A finished checkpoint is renamed, a directory: refused by default where buckets are flat."""

_WANDB_KEY = {"name": "wandb", "key": "api-key"}
"""The cluster's secret with the key of Weights & Biases: `kubectl create secret generic wandb
--from-literal=api-key=...`."""


def complete(request: Request) -> Request:
    """The request with its slice's own name, once it names one and an image."""
    request.refuse("gke", "time", "memory", "gpus")
    if not request.accelerator or find_gpu(request.accelerator):
        raise OstinatoError("accelerator: gke wants a TPU slice, such as --accelerator v5e-8")
    name = find_slice(request.accelerator).tpu.name
    if not request.image:
        raise OstinatoError(
            "image: gke wants a container image that holds Ostinato: --image REGISTRY/NAME:TAG"
        )
    return request.model_copy(update={"accelerator": name})


def dollars_per_hour(request: Request) -> float:
    """List price of all workers' slices on demand."""
    return request.workers * find_slice(request.accelerator or "").dollars_per_hour


def render(job: Job) -> str:
    """The manifest."""
    found = find_slice(job.request.accelerator or "")
    manifest = _indexed_job(job, found) if found.hosts == 1 else _job_set(job, found)
    return as_yaml(manifest)


def _refuse(*_) -> NoReturn:
    """Applying the manifest, and what comes after it, is kubectl's."""
    raise OstinatoError(
        "to: gke is rendered only; put the grid into the bucket as OUT/grid.yaml (and a --layout "
        f"table as OUT/{LAYOUTS}), and add --dry-run | kubectl apply -f -"
    )


reach = check = submit = states = logs = cancel = _refuse


def _indexed_job(job: Job, found: Slice) -> dict[str, Any]:
    """A Job whose every pod is a worker on a slice of its own."""
    workers = job.request.workers
    index = "metadata.annotations['batch.kubernetes.io/job-completion-index']"
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": _metadata(job),
        "spec": _job_spec(job, found, workers, index),
    }


def _job_set(job: Job, found: Slice) -> dict[str, Any]:
    """A JobSet whose every job is a worker, a pod for each host of its slice."""
    index = "metadata.labels['jobset.sigs.k8s.io/job-index']"
    metadata = _metadata(job)
    # One job a slice: the pods of two workers never share one.
    metadata["annotations"] = {
        "alpha.jobset.sigs.k8s.io/exclusive-topology": "cloud.google.com/gke-nodepool"
    }
    return {
        "apiVersion": "jobset.x-k8s.io/v1alpha2",
        "kind": "JobSet",
        "metadata": metadata,
        "spec": {
            "failurePolicy": {"maxRestarts": 8},
            "replicatedJobs": [
                {
                    "name": "worker",
                    "replicas": job.request.workers,
                    "template": {"spec": _job_spec(job, found, found.hosts, index)},
                }
            ],
        },
    }


def _metadata(job: Job) -> dict[str, Any]:
    labels = {"app.kubernetes.io/name": "ostinato", "ostinato/study": slug(job.name)}
    if job.request.partition:
        labels["kueue.x-k8s.io/queue-name"] = job.request.partition
    return {"name": slug(job.name), "labels": labels}


def _job_spec(job: Job, found: Slice, pods: int, index: str) -> dict[str, Any]:
    bucket, path = bucket_and_path(job.out)
    spec: dict[str, Any] = {
        "completionMode": "Indexed",
        "completions": pods,
        "parallelism": pods,
        "backoffLimit": 0 if found.hosts > 1 else 8 * pods,
        "template": {
            "metadata": {"annotations": {"gke-gcsfuse/volumes": "true"}},
            "spec": _pod(job, found, bucket.removeprefix("gs://"), path, index),
        },
    }
    if job.request.partition:
        spec["suspend"] = True  # until Kueue admits it
    return spec


def _pod(job: Job, found: Slice, bucket: str, path: str, index: str) -> dict[str, Any]:
    selector = {
        "cloud.google.com/gke-tpu-accelerator": found.node,
        "cloud.google.com/gke-tpu-topology": found.topology,
    }
    if job.request.spot:
        selector["cloud.google.com/gke-spot"] = "true"
    chips = {"google.com/tpu": found.chips_per_host}
    environment: list[dict[str, Any]] = [
        {"name": "OSTINATO_WORKER", "valueFrom": {"fieldRef": {"fieldPath": index}}},
        {"name": "OSTINATO_SHARE", "value": f"$(OSTINATO_WORKER)/{job.request.workers}"},
    ]
    environment += [{"name": name, "value": value} for name, value in job.environment.items()]
    if job.needs_wandb_key:
        environment.append({"name": "WANDB_API_KEY", "valueFrom": {"secretKeyRef": _WANDB_KEY}})
    return {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 120,
        "nodeSelector": selector,
        "containers": [
            {
                "name": "worker",
                "image": job.request.image,
                # Run by no shell: a list of arguments, in which $$ is how Kubernetes writes $.
                "command": [
                    word.replace("$", "$$")
                    for word in shlex.split(
                        job.sweep("ostinato", out=f"{MOUNT}/{path}", options=[])
                    )
                ],
                "env": environment,
                "resources": {"requests": chips, "limits": chips},
                "volumeMounts": [{"name": "study", "mountPath": MOUNT}],
            }
        ],
        "volumes": [
            {
                "name": "study",
                "csi": {
                    "driver": "gcsfuse.csi.storage.gke.io",
                    "volumeAttributes": {"bucketName": bucket, "mountOptions": _MOUNT_OPTIONS},
                },
            }
        ],
    }
