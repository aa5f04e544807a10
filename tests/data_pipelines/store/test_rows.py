"""Documents to rows, where they stay whole."""

import numpy as np
import pytest

from data_pipelines.store.rows import ROWS


def batches(*lengths):
    """Documents of these lengths in batches of three, the n-th of tokens 10 + n."""
    documents = [np.full(length, 10 + n, np.int32) for n, length in enumerate(lengths)]
    for first in range(0, len(documents), 3):
        own = documents[first : first + 3]
        yield np.concatenate(own), np.array([len(document) for document in own])


def whole(*lengths):
    return np.concatenate([*ROWS["whole"](batches(*lengths), 8)]).tolist()


def test_a_row_has_as_many_whole_documents_as_go_into_it_after_an_end():
    assert whole(3, 4, 2, 2, 2, 7) == [
        [1, 10, 10, 10, 11, 11, 11, 11],
        [1, 12, 12, 13, 13, 14, 14, 0],
        [1, 15, 15, 15, 15, 15, 15, 15],
    ]


def test_a_document_longer_than_a_row_is_cut_and_its_rest_is_nowhere():
    assert whole(12, 1) == [[1] + [10] * 7, [1, 11] + [0] * 6]


@pytest.mark.parametrize("count", [1, 3, 7])
def test_no_document_is_lost_at_the_end(count):
    assert sum(row.count(10 + n) for row in whole(*[4] * count) for n in range(count)) == 4 * count
