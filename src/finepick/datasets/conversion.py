"""A data set from one layout into another."""

from __future__ import annotations

from finepick.datasets.fgaesthetics import write_fgaesthetics
from finepick.datasets.manifest import write_manifest
from finepick.datasets.parquet import write_parquet
from finepick.datasets.records import Dataset
from finepick.errors import UsageError

LAYOUTS = ("manifest", "parquet", "fgaesthetics")


def convert(
    dataset: Dataset, layout: str, folder: str, *, with_photos: bool = True, overwrite: bool = False
) -> tuple[str, ...]:
    """Write *dataset* to *folder* as "manifest", "parquet" or "fgaesthetics"; return the paths of label files.

    Photos are copied too, unless *with_photos* is False. Raises UsageError for another layout, DatasetError where
    the layout has no place for something it cannot do without, MissingExtraError, OutputError.
    """
    if layout == "manifest":
        return write_manifest(dataset, folder, with_photos=with_photos, overwrite=overwrite)
    if layout == "parquet":
        return write_parquet(dataset, folder, with_photos=with_photos, overwrite=overwrite)
    if layout == "fgaesthetics":
        return write_fgaesthetics(dataset, folder, with_photos=with_photos, overwrite=overwrite).files
    raise UsageError(f"'{layout}' is no layout that can be written; choose one of {', '.join(LAYOUTS)}")
