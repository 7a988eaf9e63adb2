// From files and answers to what a canvas can draw.

/**
 * Load an image file as an element that shows the stored pixels, as the service reads them.
 *
 * Returns null for what the browser cannot show, such as DICOM. Give it back with `releasePicture`.
 */
export async function loadPicture(file) {
  const image = new Image();
  // in the document, because its style switches the EXIF orientation off and only elements in it have a style
  image.className = "source";
  image.alt = "";
  image.src = URL.createObjectURL(file);
  document.body.append(image);
  try {
    await image.decode();
    return image;
  } catch (error) {
    releasePicture(image);
    if (error.name === "EncodingError") return null;
    throw error;
  }
}

/** Free what `loadPicture` took. */
export function releasePicture(image) {
  URL.revokeObjectURL(image.src);
  image.remove();
}

/** Turn the PNG that an answer holds in base64 into a blob of the same bytes. */
export function pngBlob(base64) {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  return new Blob([bytes], { type: "image/png" });
}

/** Turn a grey PNG into a layer of one colour [red, green, blue] that is as opaque as the PNG is bright. */
export async function tintedLayer(base64, colour) {
  const bitmap = await createImageBitmap(pngBlob(base64), { colorSpaceConversion: "none" });
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
