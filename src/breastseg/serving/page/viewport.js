// The arithmetic of zoom and pan. A view is {scale, x, y}: image pixel p stands at scale * p + (x, y) CSS pixels of the
// stage. Sizes are {width, height}.

const MARGIN = 12;
const LARGEST = 40;
const KEPT_IN_SIGHT = 48;

/** Show the whole image in the middle; a small one is enlarged, but not beyond recognition. */
export function fitted(image, stage) {
  const free = (side) => Math.max(stage[side] - 2 * MARGIN, 1) / image[side];
  return centred(image, stage, Math.min(free("width"), free("height"), 8));
}

/** Show the image in the middle at this scale. */
export function centred(image, stage, scale) {
  return { scale, x: (stage.width - scale * image.width) / 2, y: (stage.height - scale * image.height) / 2 };
}

/** Zoom by a factor so that what is at `point` of the stage stays there. */
export function zoomed(view, factor, point, image, stage) {
  const smallest = Math.min(fitted(image, stage).scale, 1) / 2;
  const scale = Math.min(Math.max(view.scale * factor, smallest), LARGEST);
  const grown = scale / view.scale;
  return { scale, x: point.x - (point.x - view.x) * grown, y: point.y - (point.y - view.y) * grown };
}

/** Move by CSS pixels. */
export function moved(view, dx, dy) {
  return { ...view, x: view.x + dx, y: view.y + dy };
}

/** Move as little as needed for some of the image to stay in sight. */
export function held(view, image, stage) {
  const within = (offset, side) =>
    Math.min(Math.max(offset, KEPT_IN_SIGHT - view.scale * image[side]), stage[side] - KEPT_IN_SIGHT);
  return { ...view, x: within(view.x, "width"), y: within(view.y, "height") };
}

/** Bring a box (x0, y0, x1, y1) of the image to the middle if any of it is out of sight. */
export function revealing(view, [x0, y0, x1, y1], stage) {
  const left = view.scale * x0 + view.x;
  const top = view.scale * y0 + view.y;
  const width = view.scale * (x1 - x0);
  const height = view.scale * (y1 - y0);
  if (left >= 0 && top >= 0 && left + width <= stage.width && top + height <= stage.height) return view;
  return moved(view, (stage.width - width) / 2 - left, (stage.height - height) / 2 - top);
}

/** Tell which point of the image is at `point` of the stage. */
export function toImage(view, point) {
  return { x: (point.x - view.x) / view.scale, y: (point.y - view.y) / view.scale };
}
