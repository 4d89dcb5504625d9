"""Content Credentials (C2PA): a signed statement of where a picture comes from, by the user's own certificate.

An extra of the package (`c2pa-python`, MIT or Apache-2.0). Signing is the very last step: it covers pixels and labels.
"""

import hashlib
import importlib
import io
import json
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, NamedTuple

from PIL import Image
from pydantic import BaseModel

from tasks.banners.profile import srgb_profile
from tasks.delivery.labels.files import Container
from tasks.errors import ConfigurationError, LabelError

EXTRA = "pip install -c constraints.txt c2pa-python"
ALGORITHMS = ("es256", "es384", "es512", "ps256", "ps384", "ps512", "ed25519")
# No thumbnails: they would cost more bytes than all the rest. Nothing is fetched while reading or writing.
_OFFLINE = {
    "builder": {"thumbnail": {"enabled": False}},
    "verify": {"verify_after_sign": True, "verify_trust": False, "remote_manifest_fetch": False, "ocsp_fetch": False},
}
_MARKS = (b"c2pa", b"jumb")
CONTAINERS: tuple[Container, ...] = ("jpeg", "png", "webp", "avif")


class Certificate(NamedTuple):
    """Whose signature: PEM chain (own certificate first) and private key, never shown; `timestamps` is a TSA's URL."""

    chain: bytes
    key: bytes
    algorithm: str = "es256"
    timestamps: str = ""

    def __repr__(self) -> str:
        return f"Certificate({self.fingerprint})"

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(self.chain).hexdigest()[:16]


class Credentials(BaseModel, frozen=True):
    """What a file's C2PA manifest says. `unread`: there is one, but the library to read it is not installed."""

    state: Literal["valid", "invalid", "unread"]
    issuer: str = ""
    name: str = ""
    algorithm: str = ""
    time: str = ""
    source_type: str = ""
    problems: tuple[str, ...] = ()


def load_certificate(chain: Path, key: Path, *, algorithm: str = "es256", timestamps: str = "") -> Certificate:
    """The user's certificate. ConfigurationError names the file that cannot be used, and nothing that is in it."""
    if algorithm not in ALGORITHMS:
        raise ConfigurationError(
            f"SHANGXIN_C2PA_ALGORITHM: found {algorithm!r}, expected one of {', '.join(ALGORITHMS)}."
        )
    found = []
    for name, path, mark in (("C2PA_CERTIFICATE", chain, b"CERTIFICATE"), ("C2PA_KEY", key, b"PRIVATE KEY")):
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ConfigurationError(f"SHANGXIN_{name}: {path} cannot be read ({error.strerror}).") from error
        if b"-----BEGIN " not in data or mark not in data:
            raise ConfigurationError(f"SHANGXIN_{name}: {path} is no PEM file with a {mark.decode().lower()}.")
        found.append(data)
    certificate = Certificate(found[0], found[1], algorithm, timestamps)
    growth(certificate, "http://cv.iptc.org/newscodes/digitalsourcetype/composite")  # told before a night, not in it
    return certificate


def sign(data: bytes, container: Container, certificate: Certificate, *, source_type: str) -> bytes:
    """The same file with a signed manifest of one action: created, from this IPTC source type. LabelError if not."""
    c2pa = _library()
    statement = {
        "claim_generator_info": [{"name": "shangxin", "version": "1"}],
        "assertions": [
            {
                "label": "c2pa.actions.v2",
                "data": {"actions": [{"action": "c2pa.created", "digitalSourceType": source_type}]},
            }
        ],
    }
    url = certificate.timestamps.encode() or None
    info = c2pa.C2paSignerInfo(certificate.algorithm.encode(), certificate.chain, certificate.key, url)
    signed = io.BytesIO()
    try:
        with c2pa.Signer.from_info(info) as signer, c2pa.Builder(statement, context=_context()) as builder:
            builder.sign(signer, f"image/{container}", io.BytesIO(data), signed)
    except c2pa.C2paError as error:
        raise LabelError(f"C2PA: the {container} could not be signed ({_plain(error)}).") from None
    return signed.getvalue()


def growth(certificate: Certificate, source_type: str) -> dict[Container, int]:
    """By how many bytes signing makes a file longer, measured once for each container. ConfigurationError if it fails.

    With a time stamp the number is an estimate: the authority's answer has no fixed length.
    """
    try:
        return dict(_growth(certificate, source_type))
    except LabelError as error:
        raise ConfigurationError(f"SHANGXIN_C2PA_CERTIFICATE cannot sign: {error}") from error


@lru_cache(maxsize=8)
def _growth(certificate: Certificate, source_type: str) -> tuple[tuple[Container, int], ...]:
    found = []
    for container in CONTAINERS:
        plain = io.BytesIO()  # with a profile, as our files have one: WebP's header grows with the first thing added
        Image.new("RGB", (16, 16)).save(plain, container.upper(), icc_profile=srgb_profile())
        data = plain.getvalue()
        found.append((container, len(sign(data, container, certificate, source_type=source_type)) - len(data)))
    return tuple(found)


def read_credentials(data: bytes, container: Container) -> Credentials | None:
    """The file's own manifest, verified against its picture but against no list of trusted signers; None without."""
    if not all(mark in data for mark in _MARKS):
        return None
    try:
        c2pa = _library()
    except ConfigurationError as error:
        return Credentials(state="unread", problems=(str(error),))
    try:
        with c2pa.Reader(f"image/{container}", io.BytesIO(data), context=_context()) as reader:
            found = json.loads(reader.json())
    except c2pa.C2paError as error:
        missing = "ManifestNotFound" in type(error).__name__
        return None if missing else Credentials(state="invalid", problems=(_plain(error),))
    return _described(found)


def _described(found: dict[str, Any]) -> Credentials:
    manifest = found.get("manifests", {}).get(found.get("active_manifest", ""), {})
    signature = manifest.get("signature_info", {})
    problems = tuple(
        f"{each.get('code')}: {each.get('explanation', '')}" for each in found.get("validation_status", [])
    )
    actions = [
        action
        for assertion in manifest.get("assertions", [])
        if str(assertion.get("label", "")).startswith("c2pa.actions")
        for action in assertion.get("data", {}).get("actions", [])
    ]
    sources = [str(action["digitalSourceType"]) for action in actions if "digitalSourceType" in action]
    return Credentials(
        state="valid" if found.get("validation_state") in {"Valid", "Trusted"} else "invalid",
        issuer=str(signature.get("issuer", "")),
        name=str(signature.get("common_name", "")),
        algorithm=str(signature.get("alg", "")),
        time=str(signature.get("time", "")),
        source_type=next(iter(sources), ""),
        problems=problems,
    )


def _library() -> ModuleType:
    try:
        return importlib.import_module("c2pa")
    except ImportError as error:
        raise ConfigurationError(f"C2PA needs a library that is not installed. {EXTRA}") from error


@lru_cache(maxsize=1)
def _context() -> Any:
    return _library().Context.from_dict(_OFFLINE)


def _plain(error: Exception) -> str:
    """The first line of the library's message: what it found wrong, and nothing that it was given."""
    return (
        f"{type(error).__name__.strip('_')}: {str(error).splitlines()[0][:200]}" if str(error) else type(error).__name__
    )
