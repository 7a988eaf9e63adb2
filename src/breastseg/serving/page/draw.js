// Draws a scene (an image with its lesions) as a view shows it.

export const MASK_COLOUR = [45, 212, 191];
export const PROBABILITY_COLOUR = [255, 138, 61];
const OUTLINE = "rgb(45 212 191)";
const CHOSEN = "rgb(255 200 61)";
const SHADE = "rgb(0 0 0 / 65%)";
const BACKDROP = "#4a5058";
// from this scale on single pixels are wanted, not a smooth picture
const PIXELATED = 3;

/** Draw all of it; `looks` says how: {view, ratio, opacity, outline, layer, chosen}. */
export function drawScene(context, scene, looks) {
  const { view, ratio } = looks;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, context.canvas.width, context.canvas.height);
  context.setTransform(ratio * view.scale, 0, 0, ratio * view.scale, ratio * view.x, ratio * view.y);
  context.imageSmoothingEnabled = view.scale < PIXELATED;
  context.imageSmoothingQuality = "high";
  drawPicture(context, scene);
  drawLayer(context, scene.layers[looks.layer], looks.opacity);
  if (looks.outline) scene.lesions.forEach((lesion, i) => drawLesion(context, lesion, i, looks));
}

function drawPicture(context, { picture, width, height }) {
  context.fillStyle = BACKDROP;
  if (picture) context.drawImage(picture, 0, 0, width, height);
  else context.fillRect(0, 0, width, height);
}

function drawLayer(context, layer, opacity) {
  if (!layer) return;
  context.globalAlpha = opacity;
  context.drawImage(layer, 0, 0);
  context.globalAlpha = 1;
}

/** A dark line under the bright one keeps the outline visible on any background. */
function drawLesion(context, lesion, index, looks) {
  const { view } = looks;
  const isChosen = index === looks.chosen;
  const path = outlinePath(lesion.polygon);
  const line = (width, colour) => stroke(context, path, width / view.scale, colour);
  line(isChosen ? 6 : 4, SHADE);
  line(isChosen ? 3 : 1.75, isChosen ? CHOSEN : OUTLINE);
  if (isChosen) drawBox(context, lesion.box, view);
  drawNumber(context, index + 1, lesion.box, looks, isChosen);
}

function outlinePath(polygon) {
  const path = new Path2D();
  polygon.forEach(([x, y], i) => (i ? path.lineTo(x, y) : path.moveTo(x, y)));
  path.closePath();
  return path;
}

function stroke(context, path, width, colour) {
  context.lineJoin = "round";
  context.lineWidth = width;
  context.strokeStyle = colour;
  context.stroke(path);
}

function drawBox(context, [x0, y0, x1, y1], { scale }) {
  context.setLineDash([5 / scale, 4 / scale]);
  context.lineWidth = 1 / scale;
  context.strokeStyle = CHOSEN;
  context.strokeRect(x0, y0, x1 - x0, y1 - y0);
  context.setLineDash([]);
}

/** The lesion's number in the list, at the box's upper left corner and of one size at every zoom. */
function drawNumber(context, n, [x0, y0], { view, ratio }, isChosen) {
  context.save();
  context.setTransform(ratio, 0, 0, ratio, ratio * (view.scale * x0 + view.x), ratio * (view.scale * y0 + view.y));
  context.font = "600 12px system-ui, sans-serif";
  context.textBaseline = "middle";
  const text = String(n);
  context.fillStyle = isChosen ? CHOSEN : OUTLINE;
  context.fillRect(-2, -20, context.measureText(text).width + 10, 17);
  context.fillStyle = "#10201f";
  context.fillText(text, 3, -11);
  context.restore();
}

/** Tell which lesion, if any, holds a point of the image; the smallest, where they overlap. */
export function lesionAt(context, scene, { x, y }) {
  context.setTransform(1, 0, 0, 1, 0, 0);
  const holds = (lesion) => context.isPointInPath(outlinePath(lesion.polygon), x, y);
  return scene.lesions.findLastIndex(holds);
}
