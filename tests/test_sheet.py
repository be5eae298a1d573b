import cv2
import numpy as np
import pytest

from edge.fields import Region
from edge.regions import view_of
from edge.sheet import find_sheet, in_reading_order
from edge.sources.demo import DemoCamera
from edge.types import Box

SIZE = 480, 640


def sheet(corners, *, paper=200, desk=90, noise=3.0) -> np.ndarray:
    """A bright four-sided figure on something darker."""
    picture = np.full(SIZE, desk, np.float32)
    cv2.fillConvexPoly(picture, np.rint(np.array(corners) * 16).astype(np.int32), paper, cv2.LINE_AA, 4)
    picture += np.random.default_rng(3).normal(0, noise, SIZE)
    return np.clip(cv2.GaussianBlur(picture, (0, 0), 0.8), 0, 255).astype(np.uint8)


def off(found, corners) -> float:
    """Pixels by which the worst corner is off."""
    return float(np.hypot(*(np.array(found.corners) - corners).T).max())


@pytest.mark.parametrize(
    "corners",
    [
        [(100, 80), (540, 80), (540, 400), (100, 400)],
        [(120, 60), (560, 130), (510, 430), (70, 360)],  # turned
        [(200, 80), (450, 90), (600, 420), (40, 410)],  # seen from below
        [(250, 150), (420, 150), (420, 330), (250, 330)],  # small
    ],
)
def test_a_sheet_is_found_to_less_than_a_hundredth_of_the_picture(corners):
    assert off(find_sheet(sheet(corners)), corners) < 4


def test_corners_are_told_from_the_top_left_clockwise():
    corners = np.array([(540, 400), (100, 80), (100, 400), (540, 80)])
    assert in_reading_order(corners).tolist() == [[100, 80], [540, 80], [540, 400], [100, 400]]


def test_a_sheet_half_in_shadow_is_found_whole():
    corners = [(100, 80), (540, 80), (540, 400), (100, 400)]
    shade = np.tile(np.where(np.arange(640) < 300, 0.62, 1.0), (480, 1))
    picture = (sheet(corners, desk=60) * cv2.GaussianBlur(shade, (0, 0), 25)).astype(np.uint8)
    assert off(find_sheet(picture), corners) < 6.4


@pytest.mark.parametrize(
    "corners",
    [
        [(-50, 80), (540, 80), (540, 400), (-50, 400)],  # goes on beyond the picture
        [(100, 80), (540, 80), (540, 520), (100, 520)],
        [(300, 200), (380, 200), (380, 260), (300, 260)],  # too small
        [(320, 60), (560, 400), (80, 400)],  # a triangle
        [(320, 40), (560, 180), (480, 420), (160, 420), (80, 180)],  # five sides
    ],
)
def test_what_is_no_whole_sheet_is_not_found(corners):
    assert find_sheet(sheet(corners)) is None


def test_a_sheet_whose_corner_is_covered_is_not_found_in_a_wrong_place():
    picture = sheet([(100, 80), (540, 80), (540, 400), (100, 400)])
    cv2.circle(picture, (540, 400), 110, 90, cv2.FILLED)
    assert find_sheet(picture) is None


def test_paper_that_is_as_bright_as_the_desk_is_not_found():
    assert find_sheet(sheet([(100, 80), (540, 80), (540, 400), (100, 400)], paper=98)) is None
    assert find_sheet(np.full(SIZE, 128, np.uint8)) is None
    assert find_sheet(np.zeros((3, 2), np.uint8)) is None


def demo_frames(camera):
    """Frames of the simulated camera in which a sheet lies still, without an arm."""
    for frame_id in range(25, 600, 35):
        lying = camera._scene.sheets(frame_id)
        if len(lying) == 1 and camera._scene.arm(frame_id) is None:
            yield frame_id, cv2.cvtColor(camera.picture(frame_id), cv2.COLOR_BGR2GRAY)


@pytest.mark.parametrize("seed", range(3))
def test_a_drifting_sheet_of_the_demo_is_found_where_it_is(seed):
    camera = DemoCamera(seed, whole=True)
    worst = []
    for frame_id, grey in demo_frames(camera):
        found = find_sheet(grey)
        assert found is not None, f"frame {frame_id}"
        worst.append(off(found, camera.corners(frame_id)))
    assert len(worst) >= 8
    assert np.median(worst) < 4.5 and max(worst) < 9  # of 640 pixels; the paper's edge is soft, with a shadow


def test_a_sheet_of_the_demo_that_goes_on_beyond_the_picture_is_not_found():
    camera = DemoCamera(1)
    found = [find_sheet(grey) for _, grey in demo_frames(camera)]
    assert len(found) >= 8 and not any(found)


def test_a_region_goes_with_the_drifting_sheet_of_the_demo():
    camera = DemoCamera(0, whole=True)
    region, places = None, []
    for frame_id, grey in demo_frames(camera):
        number = next((n for n in camera.shown(frame_id) if n.key == (0, 0)), None)
        if number is None:
            break
        found = find_sheet(grey)
        if region is None:  # set up once, in the first frame
            ground = view_of(grey, Region(0, 0, 1, 1, "sheet"), found)
            x, y = (ground.to_shares @ [*number.box.centre, 1])[:2] / (
                ground.to_shares @ [*number.box.centre, 1]
            )[2]
            region = Region(x - 0.2, y - 0.1, x + 0.2, y + 0.1, "sheet")
        view = view_of(grey, region, found)
        places.append(view.outline.mean(axis=0) - number.box.centre)
        assert view.holds(number.box)
        assert not view.holds(Box(0, 0, 20, 20))
    assert len(places) >= 3
    assert np.abs(places).max() < 5
