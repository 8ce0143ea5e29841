"""What a container says of the sound in it: where its streams begin and end, and how long they are."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream of a file, decodable by itself.

    Args:
        begin: First byte.
        end: One past the last byte.
        seconds: Length that the container states; None where it states none. What is decoded may not be shorter.
        samples: Samples of a channel where the container states them exactly; what is decoded must equal them.
        md5: MD5 of the samples as the encoder saw them, where the container states it.
    """

    begin: int
    end: int
    seconds: float | None = None
    samples: int | None = None
    md5: bytes = b""


@dataclass(frozen=True, slots=True)
class Extent:
    """The streams of a file, one after the other in time.

    Args:
        streams: At least one.
        data: The bytes that the streams are ranges of: the file's, or a copy whose header states the length that
            the file's own leaves open.
    """

    streams: tuple[Stream, ...]
    data: bytes = field(repr=False)

    @property
    def seconds(self) -> float | None:
        """Stated length of all streams together; None where one states none."""
        lengths = [stream.seconds for stream in self.streams]
        return None if None in lengths else sum(length or 0.0 for length in lengths)
