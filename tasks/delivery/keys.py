"""Keys of everything that is delivered: deterministic, confined, readable.

A SKU in a key is percent-encoded: every UTF-8 byte outside `A-Za-z0-9._-`, and a leading dot, becomes `%XX`. That is
reversible, and never `.` or `..`. File systems stop at 255 bytes a component and a Chinese character takes nine, so an
encoded SKU over 200 bytes is cut and ends with `~` and a digest of the whole SKU; `~` occurs in no other key, and the
SKU itself stands in the manifest and the ledger. On a case-insensitive file system the folders of SKUs that differ in
case only become one; the names inside hold the job's digest and stay apart.
"""

import hashlib
import re
from urllib.parse import unquote_to_bytes

MAX_SKU_BYTES = 200
DIGEST_DIGITS = 20
CUT = "~"

PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}")
JOB_ID = re.compile(r"[0-9a-f]{8,64}")
EXTENSION = re.compile(r"[a-z0-9]{1,8}")


def safe_sku(sku: str) -> str:
    """A SKU as one component of a key. ValueError where it is empty."""
    if not sku:
        raise ValueError("a SKU in a key cannot be empty")
    data = sku.encode("utf-8", "surrogatepass")
    encoded = "".join(chr(byte) if byte in PLAIN else f"%{byte:02X}" for byte in data)
    if encoded.startswith("."):
        encoded = f"%2E{encoded[1:]}"
    if len(encoded) <= MAX_SKU_BYTES:
        return encoded
    return _cut(encoded, digest=hashlib.sha256(data).hexdigest()[:DIGEST_DIGITS])


def unsafe_sku(text: str) -> str:
    """The SKU that `safe_sku` made this of. ValueError where it was cut, or is no work of `safe_sku`."""
    if CUT in text:
        raise ValueError(f"{text!r} is a cut SKU; look its whole up in the manifest or the ledger")
    sku = unquote_to_bytes(text).decode("utf-8", "surrogatepass")
    if safe_sku(sku) != text:
        raise ValueError(f"{text!r} is not a SKU as it is written in keys; expected {safe_sku(sku)!r}")
    return sku


def _cut(encoded: str, *, digest: str) -> str:
    """Cut between whole percent sequences, so that what is left can still be decoded byte by byte."""
    end = MAX_SKU_BYTES - len(CUT) - len(digest)
    percent = encoded.rfind("%", end - 2, end)
    return f"{encoded[: percent if percent >= 0 else end]}{CUT}{digest}"


def master_key(sku: str, job_id: str, take: int) -> str:
    return f"masters/{safe_sku(sku)}/{_stem(job_id, take)}.png"


def rendition_key(placement: str, sku: str, job_id: str, take: int, ext: str) -> str:
    """`ext` is the file's real format, without a dot: jpg, png, webp. A placement may have a Chinese name: as a SKU."""
    extension = _fitting(ext, EXTENSION, "extension")
    return f"renditions/{safe_sku(placement)}/{safe_sku(sku)}/{_stem(job_id, take)}.{extension}"


def manifest_key(run_id: str) -> str:
    return f"{run_prefix(run_id)}manifest.jsonl"


def bad_rows_key(run_id: str) -> str:
    return f"{run_prefix(run_id)}bad_rows.csv"


def report_key(run_id: str) -> str:
    return f"{run_prefix(run_id)}report.html"


def golden_key(model: str, name: str) -> str:
    """One night's golden set of a model; `name` is a run id or `accepted`."""
    return f"golden/{safe_sku(model)}/{_fitting(name, NAME, 'run id')}.json"


def run_prefix(run_id: str) -> str:
    return f"runs/{_fitting(run_id, NAME, 'run id')}/"


def _stem(job_id: str, take: int) -> str:
    if take < 0:
        raise ValueError(f"take {take} is negative; takes count from 0")
    return f"{_fitting(job_id, JOB_ID, 'job id')}-{take}"


def _fitting(value: str, pattern: re.Pattern[str], what: str) -> str:
    if not pattern.fullmatch(value):
        raise ValueError(f"{value!r} cannot be a {what} in a key; expected {pattern.pattern}")
    return value
