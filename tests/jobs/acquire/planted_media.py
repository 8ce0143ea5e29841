"""Whole and damaged recordings and pictures, made here: what the damage is, and what landing should say of it."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import soundfile
from PIL import Image

from jobs.acquire.recordings.ogg import crc

RATE = 16_000


@dataclass(frozen=True, slots=True)
class Planted:
    """One file.

    Args:
        name: What was done to it, with the suffix of its format.
        data: Its bytes.
        seconds: Length of a recording that should land; 0 where it should be refused.
        lands: Whether it should land.
    """

    name: str
    data: bytes
    lands: bool
    seconds: float = 0.0


def voice(seconds: float = 2.0, seed: int = 0, rate: int = RATE) -> np.ndarray:
    """Noise whose level goes up and down as that of speech does, float [n]."""
    count = round(seconds * rate)
    level = 0.2 + 0.1 * np.sin(np.arange(count) * 2 * np.pi * 3 / rate)
    return level * np.convolve(np.random.default_rng(seed).standard_normal(count), np.ones(8) / 8, "same")


def sound(kind: str, subtype: str | None = None, seconds: float = 2.0, seed: int = 0) -> bytes:
    """A recording of a format of libsndfile."""
    out = io.BytesIO()
    soundfile.write(out, voice(seconds, seed), RATE, format=kind, subtype=subtype)
    return out.getvalue()


def photo(seed: int = 0, size: tuple[int, int] = (120, 90)) -> Image.Image:
    """A picture of many colours."""
    x, y = np.meshgrid(np.linspace(0, 255, size[0]), np.linspace(0, 255, size[1]))
    noise = np.random.default_rng(seed).normal(0, 12, (size[1], size[0], 3))
    return Image.fromarray(np.clip(np.stack([x, y, 255 - x], -1) + noise, 0, 255).astype(np.uint8))


def saved(kind: str, picture: Image.Image | None = None, **options: object) -> bytes:
    """A picture in a format of Pillow."""
    out = io.BytesIO()
    (picture or photo()).save(out, kind, **options)
    return out.getvalue()


SOUNDS = {
    "wav": ("WAV", "PCM_16"),
    "rf64": ("RF64", "PCM_16"),
    "w64": ("W64", "PCM_16"),
    "adpcm": ("WAV", "IMA_ADPCM"),
    "float": ("WAV", "FLOAT"),
    "aiff": ("AIFF", "PCM_24"),
    "au": ("AU", "PCM_16"),
    "caf": ("CAF", "PCM_16"),
    "nist": ("NIST", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
}


def ogg_pages(data: bytes) -> list[bytes]:
    """The pages of an Ogg file."""
    pages, at = [], 0
    while at < len(data):
        count = data[at + 26]
        end = at + 27 + count + sum(data[at + 27 : at + 27 + count])
        pages.append(data[at:end])
        at = end
    return pages


def with_crc(page: bytes) -> bytes:
    """A page of Ogg with the checksum that it should have."""
    return page[:22] + struct.pack("<I", crc(page[:22] + bytes(4) + page[26:])) + page[26:]


def flac_with(data: bytes, total: int, md5: bytes) -> bytes:
    """A FLAC file with another number of samples and MD5 in its header."""
    out = bytearray(data)
    out[21] = out[21] & 0xF0 | total >> 32
    out[22:26] = (total & 0xFFFFFFFF).to_bytes(4)
    out[26:42] = md5
    return bytes(out)


def recordings() -> Iterator[Planted]:
    """Recordings, whole and damaged."""
    made = {name: sound(*how) for name, how in SOUNDS.items()}
    for name, data in made.items():
        yield Planted(f"whole.{name}", data, lands=True, seconds=2.0)
        for share in (0.3, 0.6, 0.95):
            yield Planted(f"cut at {share}.{name}", data[: int(len(data) * share)], lands=False)
    wav, flac, mp3, ogg = made["wav"], made["flac"], made["mp3"], made["ogg"]
    for size in (0, 0xFFFFFFFF, 0x7FFFFFFF):
        data = wav[:4] + struct.pack("<I", size) + wav[8:40] + struct.pack("<I", size) + wav[44:]
        yield Planted(f"size {size:x}.wav", data, lands=True, seconds=2.0)
    yield Planted("joined.wav", wav + wav, lands=False)
    yield Planted("more than stated.wav", wav + b"\x01\x02\x03" * 999, lands=False)
    yield Planted("a tag behind.wav", wav + b"LIST" + struct.pack("<I", 8) + b"INFOabcd", lands=True, seconds=2.0)
    yield Planted("unknown length.flac", flac_with(flac, 0, flac[26:42]), lands=True, seconds=2.0)
    yield Planted("unknown length and MD5.flac", flac_with(flac, 0, bytes(16)), lands=True, seconds=2.0)
    cut = flac[: len(flac) // 2]
    yield Planted("cut of unknown length.flac", flac_with(cut, 0, bytes(16)), lands=False)
    yield Planted("joined.flac", flac + flac, lands=False)
    yield Planted("other samples.flac", flac_with(flac, 32000, b"\x55" * 16), lands=False)
    flipped = bytearray(flac_with(flac, 32000, bytes(16)))
    flipped[len(flac) // 2] ^= 0x10
    yield Planted("one bit, no MD5.flac", bytes(flipped), lands=False)
    for name in ("ogg", "opus"):
        data, other = made[name], sound(*SOUNDS[name], seconds=1.0, seed=1)
        pages = ogg_pages(data)
        middle = len(pages) // 2 + 1
        yield Planted(f"chained.{name}", data + other, lands=True, seconds=3.0)
        yield Planted(f"no end.{name}", b"".join(pages[:-1]), lands=False)
        if len(pages) > 4:
            yield Planted(f"a page missing.{name}", b"".join(pages[: middle - 1] + pages[middle:]), lands=False)
        ended = bytearray(pages[-1])
        ended[5] &= ~4
        yield Planted(f"no end flag.{name}", b"".join(pages[:-1]) + with_crc(bytes(ended)), lands=False)
        damaged = bytearray(data)
        damaged[-9] ^= 1
        yield Planted(f"one bit.{name}", bytes(damaged), lands=False)
        yield Planted(f"garbage behind.{name}", data + b"\x17" * 99, lands=False)
    yield Planted("unlike chained.ogg", ogg + sound("OGG", "OPUS", 1.0), lands=True, seconds=3.0)
    shorter = sound("MP3", "MPEG_LAYER_III", 1.0, 1)
    yield Planted("joined.mp3", mp3 + shorter, lands=True, seconds=3.0)
    tag = b"ID3\x04\0\0" + bytes([0, 0, 0, 50]) + bytes(50)
    yield Planted("tag before.mp3", tag + mp3, lands=True, seconds=2.0)
    yield Planted("tag in the middle.mp3", mp3 + tag + shorter, lands=True, seconds=3.0)
    yield Planted("tag behind.mp3", mp3 + b"TAG" + bytes(125), lands=True, seconds=2.0)
    half = len(mp3) // 2
    yield Planted("garbage between.mp3", mp3[:half] + b"\x17" * 200 + mp3[half:], lands=False)
    yield Planted("a video.m4a", b"\0\0\0\x18ftypM4A " + bytes(999), lands=False)


def png_chunk(name: bytes, body: bytes) -> bytes:
    """A chunk of PNG."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def pictures() -> Iterator[Planted]:
    """Pictures, whole and damaged."""
    grey = photo().quantize(64)
    frames = {"save_all": True, "append_images": [photo(1), photo(2)]}
    made = {
        "png": saved("PNG"),
        "interlaced.png": saved("PNG", interlace=1),
        "animated.png": saved("PNG", **frames),
        "jpg": saved("JPEG"),
        "progressive.jpg": saved("JPEG", progressive=True),
        "cmyk.jpg": saved("JPEG", photo().convert("CMYK")),
        "gif": saved("GIF", grey),
        "animated.gif": saved("GIF", grey, save_all=True, append_images=[photo(1).quantize(64), photo(2).quantize(64)]),
        "webp": saved("WEBP"),
        "lossless.webp": saved("WEBP", lossless=True),
        "tif": saved("TIFF"),
        "lzw.tif": saved("TIFF", compression="tiff_lzw"),
        "pages.tif": saved("TIFF", **frames),
        "bmp": saved("BMP"),
        "ppm": saved("PPM"),
        "avif": saved("AVIF"),
        "jp2": saved("JPEG2000"),
    }
    ends = {"jpg": b"\xff\xd9", "gif": b"\0;", "jp2": b"\xff\xd9"}
    for name, data in made.items():
        yield Planted(f"whole.{name}", data, lands=True)
        for share in (0.3, 0.6, 0.95):
            cut = data[: int(len(data) * share)]
            yield Planted(f"cut at {share}.{name}", cut, lands=False)
            end = ends.get(name.rsplit(".", 1)[-1])
            if end:
                yield Planted(f"cut at {share} and ended.{name}", cut + end, lands=False)
    png = made["png"]
    for place in range(100, len(png) - 20, len(png) // 8):
        flipped = bytearray(png)
        flipped[place] ^= 4
        yield Planted(f"one bit at {place}.png", bytes(flipped), lands=False)
    begin, body = png.index(b"IDAT"), zlib.compress(bytes(90 * 361 - 361 * 30))
    yield Planted(
        "rows missing.png", png[: begin - 4] + png_chunk(b"IDAT", body) + png_chunk(b"IEND", b""), lands=False
    )
    progressive = made["progressive.jpg"]
    scans = [at for at in range(len(progressive)) if progressive.startswith(b"\xff\xda", at)]
    yield Planted("scans missing.jpg", progressive[: scans[len(scans) // 2]] + b"\xff\xd9", lands=False)
    yield Planted("bytes behind.jpg", made["jpg"] + b"\0" * 64, lands=True)
    yield Planted("no end.jpg", made["jpg"][:-2], lands=False)
    yield Planted("no trailer.gif", made["gif"][:-1], lands=False)


def mutated(data: bytes, seed: int) -> bytes:
    """A file with some bytes changed, cut out, doubled, or put to an extreme; which is a matter of the seed."""
    chance = np.random.default_rng(seed)
    out = bytearray(data)
    for _ in range(int(chance.integers(1, 6))):
        at, size = int(chance.integers(0, max(len(out), 1))), int(chance.integers(1, 64))
        how = int(chance.integers(0, 6))
        if how == 0:
            out[at : at + 1] = bytes([int(chance.integers(0, 256))])
        elif how == 1:
            del out[at : at + size]
        elif how == 2:
            out[at:at] = out[at : at + size]
        elif how == 3:
            out[at : at + 4] = b"\xff\xff\xff\xff"
        elif how == 4:
            out[at : at + size] = bytes(size)
        else:
            del out[at:]
    return bytes(out)
