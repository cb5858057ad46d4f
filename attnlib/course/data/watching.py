"""Decoding while noticing what is wrong with the file."""

from collections.abc import Iterator
from math import inf

from attnlib.course.data.damage import Watch

MISSING = 0.2  # seconds; beside sound a shorter gap may be rounding
BETWEEN = 100  # bytes; in Matroska hardly more stand between two packets


def decoded(container, watch: Watch) -> Iterator:
    """The frames of the first video of a container of PyAV's; `watch` is told of all damage.

    A packet that cannot be decoded is left out. Raises FFmpegError if the file cannot be read on.
    """
    from av import FFmpegError

    if not container.streams.video:
        return
    video = container.streams.video[0]
    watch.even = container.format.name == "mpegts"
    packets, failed, last = _Packets(container, video, watch), None, -inf
    for packet in container.demux():  # all streams: the sound may be longer than the video
        packets.see(packet)
        if packet.stream.index != video.index:
            continue
        try:
            frames = packet.decode()
        except FFmpegError as error:
            watch.signs.append(packets.time)
            failed = reason(error)
            continue
        for frame in frames:
            time = packets.time if frame.time is None else frame.time
            if frame.is_corrupt:
                watch.faulty.append(len(watch.times))
            if frame.is_corrupt or (watch.one_way and time < last):
                watch.signs.append(time)
            last = max(last, time)
            watch.times.append(frame.time)
            yield frame
    ends_badly = failed and max(watch.signs) > last
    watch.end = failed if ends_badly else packets.missing()


class _Packets:
    """What is read of a file, in its order, before it is decoded."""

    def __init__(self, container, video, watch):
        self.container, self.video, self.watch = container, video, watch
        self.time = 0.0  # of the last packet, in seconds
        self.step = 0.0  # how long it lasts, as far as the file says
        self.end = 0.0  # of all that were read
        self.read = 0  # packets of the video
        self.dts = None  # of its last one
        self.place = None  # in the file, behind the last packet
        self.has_gaps = "matroska" not in container.format.name  # between packets, honestly

    def see(self, packet):
        stamp = packet.dts if packet.pts is None else packet.pts
        if stamp is not None:
            self.time = float(stamp * packet.time_base)
            self.step = float((packet.duration or 0) * packet.time_base)
            self.end = max(self.end, self.time + self.step)
        if packet.is_corrupt or self._skips(packet):
            self.watch.signs.append(self.time)
        if packet.stream.index == self.video.index and stamp is not None:
            self._see_video(packet)

    def _see_video(self, packet):
        self.read += 1
        if packet.pts is not None and not packet.is_discard:
            begin = self.watch.begin
            self.watch.begin = self.time if begin is None else min(begin, self.time)
        if packet.dts is not None:
            self.watch.one_way &= self.dts is None or packet.dts >= self.dts
            self.dts = packet.dts

    def _skips(self, packet) -> bool:
        """Whether bytes before it belong to nothing, as where the reader lost its way."""
        if self.has_gaps or packet.pos is None:
            return False
        skips = self.place is not None and packet.pos > self.place + BETWEEN
        # Several packets may share a block, and so its place.
        self.place = max(packet.pos, self.place or 0) + packet.size
        return skips

    def missing(self) -> str | None:
        """How the file ends too early, as far as it says how long it should be."""
        whole = (self.container.duration or 0) / 1e6  # FFmpeg counts it in microseconds
        if self.container.format.name == "avi":  # its head counts steps
            whole = max(whole, float(self.video.frames * self.video.time_base))
        listed = len(getattr(self.video, "index_entries", ()))  # every frame, or some
        alone = len(self.container.streams) == 1 and self.step
        if 0 < self.end < whole - (min(MISSING, 1.5 * self.step) if alone else MISSING):
            return f"the file ends after {self.end:.1f} s of {whole:.1f} s"
        if self.read < listed:
            return f"the file holds {self.read} of the {listed} frames that it lists"
        return None


def reason(error) -> str:
    """What FFmpeg says of it."""
    return getattr(error, "strerror", None) or str(error)
