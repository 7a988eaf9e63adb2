// From files and answers to what a canvas can draw.

import { asStored } from "./orientation.js";

// thrown for what cannot be decoded, and for what cannot be read at all, such as a folder
const NO_PICTURE = new Set(["InvalidStateError", "NotFoundError", "NotReadableError"]);

/**
 * Load an image file with its pixels as stored, as the service reads them.
 *
 * Returns an ImageBitmap, which is closed when it is no longer shown, or null for what the browser cannot show as the
 * service reads it, such as DICOM and TIFF.
 */
export async function loadPicture(file) {
  try {
    const stored = await asStored(file);
    return stored && (await createImageBitmap(stored));
  } catch (error) {
    if (NO_PICTURE.has(error.name)) return null;
    throw error;
  }
}

/** Turn the PNG that an answer holds in base64 into a blob of the same bytes. */
export function pngBlob(base64) {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  return new Blob([bytes], { type: "image/png" });
}

/** Load the PNG that an answer holds in base64. */
export function loadPng(base64) {
  return createImageBitmap(pngBlob(base64), { colorSpaceConversion: "none" });
}

/** Turn a grey PNG into a layer of one colour [red, green, blue] that is as opaque as the PNG is bright. */
export async function tintedLayer(base64, colour) {
  const bitmap = await loadPng(base64);
  const layer = document.createElement("canvas");
  layer.width = bitmap.width;
  layer.height = bitmap.height;
  const context = layer.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const pixels = context.getImageData(0, 0, layer.width, layer.height);
  paint(pixels.data, colour);
  context.putImageData(pixels, 0, 0);
  return layer;
}

function paint(rgba, [red, green, blue]) {
  for (let i = 0; i < rgba.length; i += 4) {
    rgba[i + 3] = rgba[i];
    rgba[i] = red;
    rgba[i + 1] = green;
    rgba[i + 2] = blue;
  }
}
