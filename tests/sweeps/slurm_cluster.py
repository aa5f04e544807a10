"""A Slurm cluster of one node on loopback: real daemons, in a directory of their own."""

import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

_CONF = """
ClusterName=loopback
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
AuthInfo=socket={home}/munge.socket,cred_expire=5
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
StateSaveLocation={home}/state
SlurmdSpoolDir={home}/spool
SlurmctldPidFile={home}/slurmctld.pid
SlurmdPidFile={home}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SchedulerParameters=sched_interval=1,batch_sched_delay=0
NodeName=localhost NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=main Nodes=localhost Default=YES MaxTime=INFINITE State=UP
"""
# cred_expire is also how long a requeued job waits before it starts again.


def missing() -> str | None:
    """What a machine lacks to run one, in words."""
    names = [name for name in ("munged", "slurmctld", "slurmd", "sbatch") if not _find(name)]
    if names:
        return f"needs {', '.join(names)} (Debian: slurmctld slurmd slurm-client munge)"
    return "Slurm's daemons need root" if os.geteuid() else None


@contextmanager
def running(home: Path):
    """Start the daemons and yield the environment in which Slurm's commands reach them."""
    for name in ("state", "spool"):
        (home / name).mkdir(parents=True)
    home.chmod(0o755)
    (home / "munge.key").write_bytes(os.urandom(1024))
    (home / "munge.key").chmod(0o400)
    host = socket.gethostname().split(".")[0]
    conf = home / "slurm.conf"
    conf.write_text(_CONF.format(host=host, home=home, ports=_free_ports(2)))
    environment = os.environ | {"SLURM_CONF": str(conf)}
    munge = {"key-file": "key", "socket": "socket", "pid-file": "pid", "seed-file": "seed"}
    daemons = [
        ["munged", "--foreground", "--force", f"--log-file={home}/munge.log"]
        + [f"--{option}={home}/munge.{suffix}" for option, suffix in munge.items()],
        ["slurmctld", "-D"],
        ["slurmd", "-D", "-N", "localhost"],
    ]
    processes = []
    try:
        for number, (name, *arguments) in enumerate(daemons):
            with (home / f"{name}.log").open("w") as log:
                process = subprocess.Popen(
                    [_find(name), *arguments], stdout=log, stderr=log, env=environment
                )
            processes.append(process)
            if number == 0:
                _until(lambda: (home / "munge.socket").exists(), process, home)
        idle = ["sinfo", "--noheader", "--format=%T"]
        _until(
            lambda: (
                "idle"
                in subprocess.run(idle, capture_output=True, text=True, env=environment).stdout
            ),
            processes[-1],
            home,
        )
        yield environment
        subprocess.run(["scancel", "--user=root"], env=environment, check=True)
        empty = ["squeue", "--noheader"]
        _until(
            lambda: (
                not subprocess.run(empty, capture_output=True, text=True, env=environment).stdout
            ),
            processes[-1],
            home,
        )
    finally:
        for process in reversed(processes):
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _find(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [item.getsockname()[1] for item in sockets]
    for item in sockets:
        item.close()
    return ports


def _until(holds, process: subprocess.Popen, home: Path, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        logs = "\n".join(path.read_text()[-2000:] for path in home.glob("*.log"))
        assert process.poll() is None and time.monotonic() < deadline, logs
        time.sleep(0.2)
