"""Labels of delivered files: what is generated, by whom, from what; in XMP, and as a visible mark where asked."""

from tasks.delivery.labels.fields import COMPOSITE, GENERATED, Aigc, FileRecipe, Labels
from tasks.delivery.labels.files import container_of, digest_picture, insert_packet, read_labels
from tasks.delivery.labels.labeller import LABELLING, Credits, Labeller, Origin, describe, read_back
from tasks.delivery.labels.mark import FONT, Marker, check_wording, wording_of
from tasks.delivery.labels.packet import read_packet, write_packet

__all__ = [
    "COMPOSITE",
    "FONT",
    "GENERATED",
    "LABELLING",
    "Aigc",
    "Credits",
    "FileRecipe",
    "Labeller",
    "Labels",
    "Marker",
    "Origin",
    "check_wording",
    "container_of",
    "describe",
    "digest_picture",
    "insert_packet",
    "read_back",
    "read_labels",
    "read_packet",
    "wording_of",
    "write_packet",
]
