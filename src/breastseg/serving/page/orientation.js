// Browsers turn pictures as their EXIF block says, and cannot be told not to. The service reads the pixels as stored, and
// its outlines fit those: so the block's name is overwritten in a copy that is only shown.

const JPEG = 0xffd8;
const JPEG_APP1 = 0xffe1;
const JPEG_SCAN = 0xffda;
const JPEG_FIRST_SEGMENT = 0xffc0;
const JPEG_LONE = [0xffd0, 0xffd9]; // the first and last of the markers without a segment: restarts, begin and end
const JPEG_FILL = 0xffff; // any number of these bytes may stand before a marker
const JPEG_EXIF = 0x45786966; // "Exif"
const PNG = 0x8950;
const PNG_EXIF = 0x65584966; // "eXIf"
const UNKNOWN = 0x6e6f4e65; // "noNe", by its letters' case a block that readers may skip
const RIFF = 0x5249;
const WEBP = 0x57454250; // "WEBP"
const WEBP_EXIF = 0x45584946; // "EXIF"
const TIFF = [0x4949, 0x4d4d];

/**
 * Return a file of the same pixels without an orientation.
 *
 * Null for TIFF, which few browsers show, and those by rules of their own: turned, and deep samples otherwise.
 */
export async function asStored(file) {
  const bytes = new DataView(await file.arrayBuffer());
  const kind = bytes.byteLength > 2 && bytes.getUint16(0);
  if (kind === JPEG) forgetInJpeg(bytes);
  if (kind === PNG) forgetInPng(bytes);
  if (kind === RIFF) forgetInWebp(bytes);
  if (TIFF.includes(kind)) return null;
  return new Blob([bytes], { type: file.type });
}

function forgetInJpeg(bytes) {
  let at = 2;
  while (at + 8 < bytes.byteLength) {
    const marker = bytes.getUint16(at);
    if (marker === JPEG_SCAN) return;
    if (marker === JPEG_APP1 && bytes.getUint32(at + 4) === JPEG_EXIF) bytes.setUint32(at + 4, 0);
    // decoders look for the next marker byte by byte, past whatever stands between
    at += hasSegment(marker) ? 2 + bytes.getUint16(at + 2) : 1;
  }
}

function hasSegment(marker) {
  const isLone = marker >= JPEG_LONE[0] && marker <= JPEG_LONE[1];
  return marker >= JPEG_FIRST_SEGMENT && marker < JPEG_FILL && !isLone;
}

function forgetInPng(bytes) {
  let at = 8;
  while (at + 8 < bytes.byteLength) {
    if (bytes.getUint32(at + 4) === PNG_EXIF) bytes.setUint32(at + 4, UNKNOWN);
    // length, name, content, checksum
    at += 12 + bytes.getUint32(at);
  }
}

function forgetInWebp(bytes) {
  let at = 12;
  if (bytes.byteLength < at || bytes.getUint32(8) !== WEBP) return;
  while (at + 8 < bytes.byteLength) {
    if (bytes.getUint32(at) === WEBP_EXIF) bytes.setUint32(at, UNKNOWN);
    const size = bytes.getUint32(at + 4, true);
    // name, length, content of an even length
    at += 8 + size + (size % 2);
  }
}
