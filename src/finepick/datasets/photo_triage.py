"""Princeton Photo Triage as published: `train_pairlist.txt`, `val_pairlist.txt` and photos `000001-01.JPG`.

Known from the data set's own notes (the columns, see `pair_lists`) and from code that reads it: photos lie flat in
`train_val_imgs`, `test_pairlist.txt` with `test_imgs` is a download of its own. P comes from a Bradley–Terry
fit and lies in [.01, .99]. Columns 5 and 6 are ranks, though code is about that reads them as winner and loser.
Reasons that people wrote (`reviews_trainval`) are not read.
"""

from __future__ import annotations

import re

from finepick.datasets.files import Place
from finepick.datasets.pair_lists import PairList, read_pair_lists
from finepick.datasets.photo_index import PhotoIndex, find_label_files
from finepick.datasets.records import SPLITS, Dataset

LABEL_FILES = re.compile(rf"({'|'.join(SPLITS)})_pairlist\.txt")


def read_photo_triage(folder: str) -> Dataset:
    """Photo Triage in *folder*; whichever of its lists are there. Raises DatasetError."""
    found = find_label_files(folder, LABEL_FILES)
    if not found:
        raise Place(folder).error(
            "there are no label files of Photo Triage here",
            "expected train_pairlist.txt, val_pairlist.txt or test_pairlist.txt",
        )
    lists = [
        PairList(found[name], "natural", split, "{series:06d}-{index:02d}.JPG")
        for split in SPLITS
        if (name := f"{split}_pairlist.txt") in found
    ]
    series, remarks = read_pair_lists(lists, PhotoIndex(folder))
    return Dataset("photo-triage", folder, series, remarks=remarks)
