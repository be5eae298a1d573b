"""What the stand-ins for a Raspberry Pi are to read, drawn and read on this machine: make_pages.py FOLDER.

FOLDER/pages/SEED/K.jpg    frames of one handwritten page, as a camera sees it
FOLDER/pages/SEED.json     the numbers on it
FOLDER/frames/K.png        ten frames of several pages
FOLDER/frames.json         of each: "read" here, [label, confidence, box] of each digit, and "whole", boxes of
                           the numbers that nothing covers
"""

import json
import sys
from pathlib import Path

import cv2

from edge import DigitReader
from edge.sources.demo import DemoCamera
from edge.sources.scene import SHEET_S

SEEDS = (1, 3, 4)
FRAMES = 10
FPS = 30


def main(folder: Path) -> None:
    for seed in SEEDS:
        camera = DemoCamera(seed, fps=FPS, realtime=False)
        (folder / "pages" / str(seed)).mkdir(parents=True)
        # There and back again, so that the page does not jump when the virtual camera begins anew.
        there = range(FPS)
        for k, frame_id in enumerate([*there, *reversed(there)]):
            path = folder / "pages" / str(seed) / f"{k}.jpg"
            cv2.imwrite(str(path), camera.picture(frame_id), [cv2.IMWRITE_JPEG_QUALITY, 95])
        texts = sorted({text for frame_id in there for text, _ in camera.truth(frame_id)})
        (folder / "pages" / f"{seed}.json").write_text(json.dumps(texts))
    reader = DigitReader()
    camera = DemoCamera(SEEDS[0], fps=FPS, realtime=False)
    (folder / "frames").mkdir()
    frames = {}
    for k in range(FRAMES):
        path = folder / "frames" / f"{k}.png"
        frame_id = round((k + 0.5) * SHEET_S * FPS)
        picture = camera.picture(frame_id)
        cv2.imwrite(str(path), picture)
        result = reader.read_image(picture)
        digits = [digit for reading in result.readings for digit in reading.digits]
        frames[path.name] = {
            "read": [[d.prediction.label, d.prediction.confidence, d.box.as_list()] for d in digits],
            "whole": [number.box.as_list() for number in camera.shown(frame_id) if number.whole],
        }
    (folder / "frames.json").write_text(json.dumps(frames))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
