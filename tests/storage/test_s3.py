"""S3's own troubles, against a real server behind a proxy that misbehaves on demand."""

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from tasks.errors import ConfigurationError, StorageError, StorageUnavailable
from tasks.storage.arrivals import S3Arrivals
from tasks.storage.open import open_binary, open_store, parse_s3, read_bytes
from tasks.storage.s3 import S3Store
from tasks.storage.s3_client import S3Access, shared_client

KEY = "masters/A-1/x.png"
SECRET = "planted-secret-2f9c"
BUSY = b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class FaultyProxy:
    """Passes one HTTP exchange a connection on to the real server, spoiling the next `faults` of them.

    Faults: "busy" answers 503, "drop" closes before an answer, "cut" closes in the middle of the answer's body.
    """

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self._target = (parts.hostname or "", parts.port or 80)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.faults: list[str] = []
        self.exchanges = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            request = _read_request(client)
            self.exchanges += 1
            fault = self.faults.pop(0) if self.faults else ""
            if fault == "busy":
                client.sendall(BUSY)
            elif fault != "drop":
                self._pass_on(client, request, cut=fault == "cut")

    def _pass_on(self, client: socket.socket, request: bytes, *, cut: bool) -> None:
        with socket.create_connection(self._target) as server:
            server.sendall(request)
            answer = b"".join(iter(lambda: server.recv(1 << 16), b""))
        client.sendall(answer[: len(answer) - 1000] if cut else answer)


def _read_request(client: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += client.recv(1 << 16)
    head, _, body = data.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith((b"connection:", b"expect:"))]
    length = next((int(line.split(b":")[1]) for line in lines if line.lower().startswith(b"content-length:")), 0)
    if b"100-continue" in head:
        client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    while len(body) < length:
        body += client.recv(1 << 16)
    return b"\r\n".join([*lines, b"Connection: close"]) + b"\r\n\r\n" + body


@pytest.fixture
def proxy(s3_endpoint: str) -> Iterator[FaultyProxy]:
    proxy = FaultyProxy(s3_endpoint)
    yield proxy
    proxy.close()


@pytest.fixture
def faulty(proxy: FaultyProxy, bucket: str) -> S3Store:
    access = S3Access(
        endpoint=proxy.endpoint, access_key=SecretStr("planted-id"), secret_key=SecretStr(SECRET), attempts=3
    )
    return S3Store(bucket, access=access)


@pytest.mark.parametrize("fault", ["busy", "drop"])
def test_a_write_succeeds_once_the_store_recovers(faulty: S3Store, proxy: FaultyProxy, fault: str) -> None:
    proxy.faults = [fault, fault]
    faulty.put(KEY, b"pixels" * 1000, content_type="image/png")
    assert faulty.get(KEY) == b"pixels" * 1000


@pytest.mark.parametrize("fault", ["busy", "drop", "cut"])
def test_a_read_succeeds_once_the_store_recovers(faulty: S3Store, proxy: FaultyProxy, fault: str) -> None:
    faulty.put(KEY, b"pixels" * 1000, content_type="image/png")
    proxy.faults = [fault, fault]
    assert faulty.get(KEY) == b"pixels" * 1000


@pytest.mark.parametrize("fault", ["busy", "drop", "cut"])
def test_a_store_that_stays_bad_is_unavailable_after_a_bounded_number_of_tries(
    faulty: S3Store, proxy: FaultyProxy, fault: str
) -> None:
    faulty.put(KEY, b"pixels" * 1000, content_type="image/png")
    proxy.faults, proxy.exchanges = [fault] * 50, 0
    uses: list[Callable[[], object]] = [
        lambda: faulty.get(KEY),
        lambda: list(faulty.keys()),
    ]
    if fault != "cut":  # their answers have no body to cut
        uses += [lambda: faulty.put(KEY, b"new", content_type="image/png"), lambda: faulty.head(KEY)]
    for use in uses:
        with pytest.raises(StorageUnavailable) as caught:
            use()
        assert faulty.uri in str(caught.value)
    assert proxy.exchanges <= 3 * len(uses)


def test_a_write_that_arrived_before_its_answer_was_lost_is_put_once_more(faulty: S3Store, proxy: FaultyProxy) -> None:
    proxy.faults = ["busy", ""]
    assert faulty.put(KEY, b"pixels", content_type="image/png").bytes == 6
    assert list(faulty.keys()) == [KEY]


def test_nobody_listening_is_unavailable_and_names_the_host() -> None:
    access = S3Access(
        endpoint="http://user:hunter2@127.0.0.1:9",
        access_key=SecretStr("planted-id"),
        secret_key=SecretStr(SECRET),
        attempts=1,
    )
    with pytest.raises(StorageUnavailable, match=r"127\.0\.0\.1:9") as caught:
        S3Store("pictures", access=access).get(KEY)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_missing_bucket_is_named_and_not_tried_again(s3_access: S3Access) -> None:
    with pytest.raises(StorageError, match="no such bucket") as caught:
        S3Store("nobody-made-this", access=s3_access).put(KEY, b"x", content_type="image/png")
    assert "s3://nobody-made-this" in str(caught.value)
    assert not isinstance(caught.value, StorageUnavailable)


class Refusal(FaultyProxy):
    """Answers everything with 403 AccessDenied."""

    def _serve(self, client: socket.socket) -> None:
        with client:
            _read_request(client)
            body = b"<Error><Code>AccessDenied</Code><Message>user planted-id may not</Message></Error>"
            head = f"HTTP/1.1 403 Forbidden\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            client.sendall(head.encode() + body)


def test_a_denied_write_says_which_rights_are_missing_and_no_secret(s3_endpoint: str) -> None:
    proxy = Refusal(s3_endpoint)
    access = S3Access(endpoint=proxy.endpoint, access_key=SecretStr("planted-id"), secret_key=SecretStr(SECRET))
    with pytest.raises(StorageError, match="s3:PutObject") as caught:
        S3Store("pictures", access=access).put(KEY, b"x", content_type="image/png")
    proxy.close()
    assert "planted" not in str(caught.value) + repr(access)
    assert not isinstance(caught.value, StorageUnavailable)


class OldServer(FaultyProxy):
    """Refuses checksum headers as servers without them do, and forgets what it was told about digests."""

    def _pass_on(self, client: socket.socket, request: bytes, *, cut: bool) -> None:
        head, _, body = request.partition(b"\r\n\r\n")
        if b"x-amz-checksum-sha256" in head.lower():
            client.sendall(b"HTTP/1.1 501 Not Implemented\r\nContent-Length: 48\r\nConnection: close\r\n\r\n")
            client.sendall(b"<Error><Code>NotImplemented</Code></Error>      ")
            return
        with socket.create_connection(self._target) as server:
            server.sendall(request)
            answer = b"".join(iter(lambda: server.recv(1 << 16), b""))
        head, _, body = answer.partition(b"\r\n\r\n")
        forgotten = (b"x-amz-checksum", b"x-amz-meta", b"etag")
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(forgotten)]
        client.sendall(b"\r\n".join([*lines, b'ETag: "opaque"']) + b"\r\n\r\n" + body)


def test_an_endpoint_without_checksums_is_verified_by_reading_back(s3_endpoint: str, bucket: str) -> None:
    proxy = OldServer(s3_endpoint)
    access = S3Access(endpoint=proxy.endpoint, access_key=SecretStr("a"), secret_key=SecretStr("b"), attempts=1)
    store = S3Store(bucket, access=access)
    stored = store.put(KEY, b"pixels", content_type="image/png")
    assert store.head(KEY) == stored
    proxy.close()


class Mangler(FaultyProxy):
    """Changes the bytes on their way in."""

    def _pass_on(self, client: socket.socket, request: bytes, *, cut: bool) -> None:
        head, _, body = request.partition(b"\r\n\r\n")
        lines = [
            line
            for line in head.split(b"\r\n")
            if not line.lower().startswith((b"x-amz-checksum-sha256", b"content-md5"))
        ]
        super()._pass_on(client, b"\r\n".join(lines) + b"\r\n\r\n" + body.replace(b"pixels", b"pixelz"), cut=cut)


def test_bytes_changed_on_the_way_are_noticed(s3_endpoint: str, bucket: str) -> None:
    proxy = Mangler(s3_endpoint)
    access = S3Access(endpoint=proxy.endpoint, access_key=SecretStr("a"), secret_key=SecretStr("b"), attempts=1)
    with pytest.raises(StorageUnavailable, match="put it again"):
        S3Store(bucket, access=access).put(KEY, b"pixels", content_type="image/png")
    proxy.close()


def test_more_keys_than_one_page_are_all_listed(s3_access: S3Access, bucket: str) -> None:
    client = shared_client(s3_access)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: client.put_object(Bucket=bucket, Key=f"masters/{number}"), range(1005)))
    assert len(set(S3Store(bucket, access=s3_access).keys("masters/"))) == 1005


def test_stores_with_one_access_share_one_client(s3_access: S3Access) -> None:
    assert shared_client(s3_access) is shared_client(s3_access.model_copy())


def test_a_prefix_is_no_part_of_the_key(s3_access: S3Access, bucket: str) -> None:
    S3Store(bucket, "/shop/one/", access=s3_access).put(KEY, b"x", content_type="image/png")
    assert list(S3Store(bucket, access=s3_access).keys()) == [f"shop/one/{KEY}"]
    assert list(S3Store(bucket, "shop/on", access=s3_access).keys()) == []


def test_a_large_file_is_read_in_ranges_and_seeks(proxy: FaultyProxy, s3_access: S3Access, bucket: str) -> None:
    data = bytes(range(251)) * 80_000  # 20 MB: three ranges
    S3Store(bucket, access=s3_access).put("inbox/a b+%.csv", data, content_type="text/csv")
    proxy.exchanges = 0
    options = {"endpoint": proxy.endpoint, "access_key": SecretStr("a"), "secret_key": SecretStr("b")}
    with open_binary(f"s3://{bucket}/inbox/a b+%.csv", **options) as file:
        proxy.faults = ["cut", "busy"]
        assert file.read() == data
        file.seek(-10, 2)
        assert file.read() == data[-10:]
        file.seek(5)
        assert file.read(3) == data[5:8]
    assert proxy.exchanges <= 8  # head, three ranges, two of them again, two seeks


def test_a_file_rewritten_while_it_is_read_is_noticed(s3_endpoint: str, faulty: S3Store, bucket: str) -> None:
    faulty.put("inbox/a.csv", b"old" * 4_000_000, content_type="text/csv")
    options = {"endpoint": s3_endpoint, "access_key": SecretStr("a"), "secret_key": SecretStr("b")}
    with open_binary(f"s3://{bucket}/inbox/a.csv", **options) as file:
        file.read(10)
        faulty.put("inbox/a.csv", b"new" * 4_000_000, content_type="text/csv")
        with pytest.raises(StorageError, match="rewritten"):
            file.read()


def test_read_bytes_stops_at_its_limit(s3_endpoint: str, faulty: S3Store, bucket: str) -> None:
    faulty.put("a.png", b"x" * 100, content_type="image/png")
    options = {"endpoint": s3_endpoint, "access_key": SecretStr("a"), "secret_key": SecretStr("b")}
    assert read_bytes(f"s3://{bucket}/a.png", max_bytes=100, **options) == b"x" * 100
    with pytest.raises(StorageError, match="larger than 99 bytes"):
        read_bytes(f"s3://{bucket}/a.png", max_bytes=99, **options)
    with pytest.raises(StorageError, match="no object"):
        read_bytes(f"s3://{bucket}/b.png", max_bytes=99, **options)


@pytest.mark.parametrize("uri", ["s3://", "s3:///x", "s3://bad bucket/x"])
def test_an_address_without_a_bucket_is_refused(uri: str) -> None:
    with pytest.raises(ConfigurationError, match="no bucket name"):
        parse_s3(uri)


def test_open_store_takes_the_settings_by_name(s3_endpoint: str, bucket: str) -> None:
    store = open_store(
        f"s3://{bucket}/shop",
        endpoint=s3_endpoint,
        region="us-east-1",
        access_key=SecretStr("a"),
        secret_key=SecretStr("b"),
    )
    store.put(KEY, b"x", content_type="image/png")
    assert store.uri == f"s3://{bucket}/shop"


def test_what_is_written_is_encrypted_classed_and_tagged_as_set(s3_access: S3Access, bucket: str) -> None:
    client = shared_client(s3_access)
    own = {
        "encryption": "aws:kms",
        "kms_key": "alias/shop",
        "storage_class": "STANDARD_IA",
        "tags": (("team", "shop = 1"),),
    }
    store = S3Store(bucket, access=s3_access.model_copy(update=own))
    store.put(KEY, b"pixels", content_type="image/png")
    found = client.head_object(Bucket=bucket, Key=KEY)
    assert (found["ServerSideEncryption"], found["SSEKMSKeyId"]) == ("aws:kms", "alias/shop")
    assert found["StorageClass"] == "STANDARD_IA"
    tags = client.get_object_tagging(Bucket=bucket, Key=KEY)["TagSet"]
    assert tags == [{"Key": "team", "Value": "shop = 1"}]

    arrivals = S3Arrivals(bucket, "", access=s3_access.model_copy(update=own))
    arrival = arrivals.look(KEY)
    assert arrival is not None
    assert arrivals.move(arrival, "processed/x.png")
    moved = client.head_object(Bucket=bucket, Key="processed/x.png")
    assert (moved["ServerSideEncryption"], moved["StorageClass"]) == ("aws:kms", "STANDARD_IA")
    assert client.get_object_tagging(Bucket=bucket, Key="processed/x.png")["TagSet"] == tags
