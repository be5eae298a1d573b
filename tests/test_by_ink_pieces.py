from edge.by_ink.pieces import SAME_PLACE, areas, intersections, same_places
from edge.types import Box


def test_many_boxes_are_compared_as_each_two_of_them_are():
    boxes = [Box(0, 0, 10, 10), Box(0, 0, 10, 9), Box(5, 5, 20, 20), Box(30, 0, 40, 10)]
    shared = intersections(boxes, boxes[:3])
    assert shared.tolist() == [[a.intersection(b).area for b in boxes[:3]] for a in boxes]
    assert areas(boxes).tolist() == [box.area for box in boxes]
    same = same_places(boxes, boxes[:3])
    assert same.tolist() == [[a.overlap(b) >= SAME_PLACE for b in boxes[:3]] for a in boxes]
    assert same_places(boxes, []).shape == (4, 0)
    assert intersections([], boxes).shape == (0, 4)
