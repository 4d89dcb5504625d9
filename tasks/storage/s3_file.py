"""An S3 object as a seekable file, read in ranges: nothing is downloaded that is not looked at."""

import io
from typing import Any

from tasks.storage.s3_client import S3Access, explained, read_whole, shared_client

READ_AHEAD_BYTES = 8 << 20


class S3File(io.RawIOBase):
    """One version of one object. Every range is asked for with the first answer's ETag, so a rewrite is noticed."""

    def __init__(self, bucket: str, name: str, *, access: S3Access) -> None:
        super().__init__()
        self.uri, self._access = f"s3://{bucket}/{name}", access
        self._client, self._request = shared_client(access), {"Bucket": bucket, "Key": name}
        with explained(self.uri, access):
            found: dict[str, Any] = self._client.head_object(**self._request)
        self.bytes, self._etag, self._position = int(found["ContentLength"]), found["ETag"], 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.bytes}[whence]
        if base + offset < 0:
            raise ValueError(f"{self.uri}: seek to {base + offset}, before the beginning")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        end = min(self._position + len(view), self.bytes)
        if end <= self._position:
            return 0
        data = self._range(self._position, end)
        view[: len(data)] = data
        self._position += len(data)
        return len(data)

    def readall(self) -> bytes:
        """The rest in large ranges; the inherited one would ask for 8 KiB at a time."""
        starts = range(self._position, self.bytes, READ_AHEAD_BYTES)
        data = b"".join(self._range(start, min(start + READ_AHEAD_BYTES, self.bytes)) for start in starts)
        self._position += len(data)
        return data

    def _range(self, start: int, end: int) -> bytes:
        with explained(self.uri, self._access):
            return read_whole(
                self._client,
                attempts=self._access.attempts,
                **self._request,
                Range=f"bytes={start}-{end - 1}",
                IfMatch=self._etag,
            )
