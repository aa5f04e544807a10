"""Near duplicates of a folder of JSONL by datatrove's MinHash: what `ostinato duplicates` stands beside.

    PYTHON tests/benchmarks/datatrove_peer.py FOLDER WORK

in an environment of its own that has datatrove[io,processing]; prints what it took as JSON. Signatures
are of as many hashes and of as many words a shingle as ours, in one process; stretches of text within
documents, which ours counts as well, it does not look at.
"""

import json
import resource
import sys
import time
from pathlib import Path

from datatrove.executor.local import LocalPipelineExecutor
from datatrove.pipeline.dedup import MinhashDedupCluster, MinhashDedupSignature
from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupBuckets
from datatrove.pipeline.readers import JsonlReader
from datatrove.utils import word_tokenizers
from datatrove.utils.hashing import HashConfig

BUCKETS, HASHES = 25, 5  # 125 hashes, where ours has 128 in 25 bands of 5 rows
WORDS = 5


class Splitting(word_tokenizers.WordTokenizer):
    """Words by white space: the kindest to it, as its linguistic tokenizers take longer than the rest."""

    def __init__(self):
        pass

    def word_tokenize(self, text: str) -> list[str]:
        return text.split()

    def sent_tokenize(self, text: str) -> list[str]:
        return text.splitlines()

    def span_tokenize(self, text: str) -> list[tuple[int, int]]:
        return [(0, len(text))]


def main(folder: str, work: Path) -> None:
    config = MinhashConfig(
        n_grams=WORDS,
        num_buckets=BUCKETS,
        hashes_per_bucket=HASHES,
        hash_config=HashConfig(precision=64),
    )
    signatures, buckets, removed = (str(work / name) for name in ("sigs", "buckets", "remove"))
    signature = MinhashDedupSignature(output_folder=signatures, config=config, language=Splitting())
    stages = [
        ([JsonlReader(folder, doc_progress=False), signature], 1),
        ([MinhashDedupBuckets(signatures, buckets, config=config)], BUCKETS),
        ([MinhashDedupCluster(buckets, removed, config=config)], 1),
    ]
    start, cpu = time.perf_counter(), time.process_time()
    for number, (pipeline, tasks) in enumerate(stages):
        logs = str(work / f"logs{number}")
        LocalPipelineExecutor(pipeline, tasks=tasks, workers=1, logging_dir=logs).run()
    took, cpu = time.perf_counter() - start, time.process_time() - cpu
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": took, "cpu_seconds": cpu, "bytes": memory}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
