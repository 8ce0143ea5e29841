"""Pictures with captions: as landed, made of whole patches, scored, and marked as duplicates."""

from __future__ import annotations

import pyarrow as pa

from lakehouse.declare.check import Check
from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from schemas.lineage import LANDED, LICENSE, LINEAGE, PARENT_IDS, SAMPLE_ID, SOURCE
from schemas.utterances import MEDIA_OPTIONS

# Formats that Pillow decodes itself; EPS, for one, would start an interpreter on untrusted bytes.
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP", "PPM", "AVIF", "JPEG2000")

KIND = Column("kind", pa.string(), "Genre: photo, drawing, ...", nullable=False)
CAPTIONS = Column("captions", pa.map_(pa.string(), pa.string()), "Captions by BCP 47 tag.", nullable=False)

landed_images = Table(
    "bronze.images",
    doc="One picture as received.",
    columns=[
        *LINEAGE,
        *LANDED,
        KIND,
        CAPTIONS,
        Column("format", pa.string(), "File format, such as PNG or JPEG.", nullable=False),
        Column("mode", pa.string(), "Pixel format as Pillow names it, such as RGBA.", nullable=False),
        Column("width", pa.int32(), "Width.", unit="px", nullable=False),
        Column("height", pa.int32(), "Height.", unit="px", nullable=False),
        Column(
            "frames",
            pa.int32(),
            "Frames of an animation, or pictures of a file of several; the first is what is used.",
            nullable=False,
        ),
        Column("metadata", pa.map_(pa.string(), pa.string()), "EXIF and text metadata by name.", nullable=False),
        Column("image", pa.binary(), "The file as received.", nullable=False, payload=True),
    ],
    key=["sample_id"],
    checks=[Check("the picture has pixels", "width > 0 and height > 0")],
    tags=["licensed"],
    writer_options=MEDIA_OPTIONS,
)

IMAGE = (
    SAMPLE_ID,
    PARENT_IDS,
    SOURCE,
    LICENSE,
    KIND,
    CAPTIONS,
    Column("width", pa.int32(), "Width, a multiple of the patch.", unit="px", nullable=False),
    Column("height", pa.int32(), "Height, a multiple of the patch.", unit="px", nullable=False),
    Column("received_width", pa.int32(), "Width of the file as received.", unit="px", nullable=False),
    Column("received_height", pa.int32(), "Height of the file as received.", unit="px", nullable=False),
    Column("image", pa.binary(), "PNG, RGB, transparency laid on white.", nullable=False, payload=True),
)

images = Table(
    "silver.images",
    doc="One picture as RGB, scaled to whole patches.",
    columns=[*IMAGE[:4], LINEAGE[4], *IMAGE[4:]],
    key=["sample_id"],
    checks=[Check("the picture has pixels", "width > 0 and height > 0")],
    tags=["images"],
    writer_options=MEDIA_OPTIONS,
)

image_scores = Table(
    "silver.image_scores",
    doc="What was measured of one picture.",
    columns=[
        *LINEAGE,
        Column("width", pa.int32(), "Width as received.", unit="px", nullable=False),
        Column("height", pa.int32(), "Height as received.", unit="px", nullable=False),
        Column("sharpness", pa.float64(), "Variance of the Laplacian of luma.", nullable=False),
        Column("entropy", pa.float64(), "Entropy of the luma histogram.", unit="bit", nullable=False),
        Column("phash", pa.string(), "64-bit perceptual hash of the DCT, hex.", nullable=False),
        Column(
            "thumbnail",
            pa.binary(),
            "Mean colours of 8 x 8 cells: RGB bytes, row by row.",
            nullable=False,
            payload=True,
        ),
        Column(
            "detail",
            pa.binary(),
            "Mean colours of 64 x 64 cells: RGB bytes, row by row; a letter or a sign that differs shows in them.",
            nullable=False,
            payload=True,
        ),
    ],
    key=["sample_id"],
)

image_duplicates = Table(
    "silver.image_duplicates",
    doc="One removal: a picture that repeats a kept one by perceptual hash and by colour.",
    columns=[
        *LINEAGE,
        Column("keeper_id", pa.string(), "The kept picture that it repeats.", nullable=False, lineage=True),
        Column("distance", pa.int32(), "Hamming distance of the two hashes.", unit="bit", nullable=False),
        Column("color_difference", pa.int32(), "Largest difference of two thumbnail values, 0 to 255.", nullable=False),
        Column("detail_difference", pa.int32(), "Largest difference of two values of detail.", nullable=False),
        Column("rule", pa.string(), "The rule and its parameters.", nullable=False),
    ],
    key=["sample_id"],
    checks=[Check("it repeats another picture", "keeper_id != sample_id", on_fail="fail")],
    tags=["duplicates"],
)
