// What the viewer shows of an image: its picture, the service's layers over it, and the lesions.

import { MASK_COLOUR, PROBABILITY_COLOUR } from "./draw.js";
import { loadPng, tintedLayer } from "./picture.js";

const NOTHING = "No picture to show.";
const OF_THE_SERVICE = "This browser cannot show such a file: the picture, with an outline of its own, is the service’s.";
const NO_PICTURE = "This browser cannot show such a file: the lesions are drawn over a plain backdrop.";

/**
 * Join an answer, or null before there is one, and the picture that the browser could load, or null.
 *
 * Returns {picture or null, width, height, layers by name, lesions}, or null where there is nothing to show.
 */
export async function makeScene(answer, picture) {
  if (!answer) return picture && { picture, width: picture.width, height: picture.height, layers: {}, lesions: [] };
  const { image, lesions, mask, probability, overlay } = answer.value;
  const layers = {
    mask: mask && (await tintedLayer(mask, MASK_COLOUR)),
    probability: probability && (await tintedLayer(probability, PROBABILITY_COLOUR)),
  };
  // of a size other than the service's it would be another picture than the one that was judged
  const fits = picture?.width === image.width && picture?.height === image.height;
  const backdrop = fits ? picture : overlay ? await loadPng(overlay) : null;
  return { picture: backdrop, width: image.width, height: image.height, layers, lesions };
}

/** Say what a person has to know about the picture of a scene; `loaded` is the one that the browser could load. */
export function noteOn(scene, loaded) {
  if (!scene) return NOTHING;
  if (!scene.picture) return NO_PICTURE;
  return scene.picture === loaded ? "" : OF_THE_SERVICE;
}
