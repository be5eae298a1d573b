// Where the labels of numbers go: each at its own number's frame, and over no other frame and no other label.

const GAP = 1; // pixels between a label and what it is not to cover or touch

/** Places for a label of a size at a frame, best first; each [left, top, right, bottom]. */
function places([left, top, right, bottom], [width, height]) {
  const middle = (top + bottom - height) / 2;
  return [
    [left, top - height],
    [left, bottom],
    [right - width, top - height],
    [right - width, bottom],
    [right, middle],
    [left - width, middle],
  ].map(([x, y]) => [x, y, x + width, y + height]);
}

const overlap = (a, b) => a[0] < b[2] + GAP && b[0] < a[2] + GAP && a[1] < b[3] + GAP && b[1] < a[3] + GAP;

/** Choose a place for the label of each number.
 *
 *  `numbers` are {frame, size, last}, in pixels of a picture of [width, height]: the frame around the digits, the
 *  label's [width, height], and the place that it had before (or null), which it keeps where that is free: a
 *  label that jumps cannot be read. `scales` are what the sizes may be multiplied by, best first. Gives
 *  {left, top, scale, place} for each, or null where nothing is free. */
export function placeLabels(numbers, [width, height], scales) {
  const taken = [];
  const made = numbers.map(() => null);
  for (const scale of scales) {
    numbers.forEach(({ frame, size, last }, index) => {
      if (made[index]) return;
      const around = places(frame, size.map((length) => scale * length));
      const order = [...around.keys()].sort((a, b) => (b === last) - (a === last));
      const free = order.find((place) => {
        const [left, top, right, bottom] = around[place];
        return left >= 0 && top >= 0 && right <= width && bottom <= height
          && !numbers.some((other) => other.frame !== frame && overlap(around[place], other.frame))
          && !taken.some((label) => overlap(around[place], label));
      });
      if (free === undefined) return;
      taken.push(around[free]);
      made[index] = { left: around[free][0], top: around[free][1], scale, place: free };
    });
  }
  return made;
}
