"""Poses from files: OpenPose's or DWPose's JSON as the keypoints of a job."""

import json
from pathlib import Path
from typing import Any

from tasks.errors import TemplateError

# OpenPose's newer 25 keypoints carry the same eighteen in another order: where each of COCO's is found there.
FROM_BODY_25 = (0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18)
SEEN = 0.3  # confidence below which a keypoint counts as not seen (DWPose's own threshold)


def read_people(path: Path) -> list[dict[str, Any]]:
    """The people of an OpenPose or DWPose JSON file, as scenes write them: shares of the frame.

    TemplateError where the file is none: it needs `canvas_width`, `canvas_height` and `people` with
    `pose_keypoints_2d` of 18 or 25 triples (x, y, confidence) in pixels.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        frame = float(content["canvas_width"]), float(content["canvas_height"])
        return [{"keypoints": _keypoints(one["pose_keypoints_2d"], frame)} for one in content["people"]]
    except FileNotFoundError:
        raise TemplateError(f"{path}: there is no such file, expected a pose in OpenPose's JSON") from None
    except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError) as error:
        raise TemplateError(
            f"{path}: not a pose in OpenPose's JSON ({type(error).__name__}: {error}); expected canvas_width, "
            f"canvas_height and people with pose_keypoints_2d of 18 or 25 triples"
        ) from error


def _keypoints(numbers: list[float], frame: tuple[float, float]) -> list[tuple[float, float] | None]:
    triples = [numbers[start : start + 3] for start in range(0, len(numbers), 3)]
    if len(triples) == 25:
        triples = [triples[index] for index in FROM_BODY_25]
    if len(triples) != 18 or any(len(triple) != 3 for triple in triples):
        raise ValueError(f"{len(numbers)} numbers are not 18 or 25 triples")
    inside = [(x / frame[0], y / frame[1], sure) for x, y, sure in triples]
    return [(x, y) if sure >= SEEN and 0 <= x <= 1 and 0 <= y <= 1 else None for x, y, sure in inside]
