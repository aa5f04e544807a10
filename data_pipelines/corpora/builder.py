"""The TFDS builder that our own corpora share: documents in, three splits and a digest out."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from data_pipelines.corpora.documents import SPLITS, ContentDigest, Document, too_few
from data_pipelines.system.pace import Pace
from data_pipelines.system.quiet import tfds

_NOTE_SECONDS = 5.0


class TextCorpus(
    tfds.core.GeneratorBasedBuilder,
    skip_registration=True,  # type: ignore[call-arg] # TFDS has no types
):
    """Documents {'text', 'source'} in the splits train, validation and test.

    Its config's name says what it is made from, so that another environment or another directory
    is another corpus. `info.metadata` holds 'digest' (SHA-256 of all documents, hexadecimal), a
    'summary' line and what the corpus has to say of itself.
    """

    # To be raised with every change of what is written for the same config.
    VERSION = tfds.core.Version("1.0.0")
    progress: Callable[[str], None] = staticmethod(lambda message: None)
    """Told in words how far the writing is, where that takes more than seconds."""
    code_path = None  # where TFDS would look for checksums of downloads: there are none

    def __init_subclass__(cls) -> None:
        """None is in TFDS's register: a name of ours is looked up by `corpus_builder`."""
        super().__init_subclass__(skip_registration=True)

    def __init__(self, config: tfds.core.BuilderConfig, data_dir: Path):
        super().__init__(config=config, data_dir=data_dir)

    def download_and_prepare(self, *arguments, **options):
        """As TFDS does it, once TensorFlow is there without its noise."""
        from data_pipelines.system.quiet import tf  # noqa: F401 - else TFDS would load it

        super().download_and_prepare(*arguments, **options)

    @abstractmethod
    def documents(self, split: str) -> Iterator[Document]:
        """Yield the documents of a split, the same ones in the same order each time."""

    def splits(self) -> tuple[str, ...]:
        """The splits that documents fall into; a single one where its sequences are to be split."""
        return SPLITS

    def share(self) -> float:
        """How much of the documents of a split have been yielded, 0 where that is not known."""
        return 0.0

    def describe(self) -> dict[str, Any]:
        """What `info.metadata` shall hold beside the digest; called when all documents are written."""
        return {}

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description=type(self).__doc__,
            features=tfds.features.FeaturesDict(
                {"text": tfds.features.Text(), "source": tfds.features.Text()}
            ),
            metadata=tfds.core.MetadataDict(),
        )

    def _split_generators(self, dl_manager):
        self._digests, self._pace = {}, Pace(self.progress, _NOTE_SECONDS)
        return {split: self._generate_examples(split) for split in self.splits()}

    def _generate_examples(self, split: str):
        digest = ContentDigest()
        self._pace.begin(f"writing {self.name} {split}")
        for document in self.documents(split):
            yield digest.count, document._asdict()
            digest.add(document)
            if digest.count % 1000 == 0:
                self._pace(self.share())
        if not digest.count:
            raise too_few(self.name, split)
        self._digests[split] = digest
        if len(self._digests) == len(self.splits()):
            self.info.metadata.update(
                digest=ContentDigest.of(self._digests[s] for s in self.splits()), **self.describe()
            )

    # TFDS prints here.
    def _log_download_bytes(self) -> None: ...
    def _log_download_done(self) -> None: ...
