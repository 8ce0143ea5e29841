from __future__ import annotations

import numpy as np

from trainer.loader import PackedLoader


def test_a_lake_on_s3_gives_the_batches_that_its_copy_in_a_folder_gives(wide, s3):
    uri = s3.upload(wide.root, "wide")
    options = {"release": wide.versions(), "stage": "cold", "global_batch": 50, "seed": 3}
    here = PackedLoader(str(wide.root), **options)
    there = PackedLoader(uri, storage_options=s3.storage, **options)
    for mine, theirs, _ in zip(here, there, range(5), strict=False):
        assert np.array_equal(np.asarray(mine.tokens), np.asarray(theirs.tokens))
        assert np.array_equal(np.asarray(mine.positions), np.asarray(theirs.positions))
