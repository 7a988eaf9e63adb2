"""Simulated B-mode breast ultrasound, so that a fresh clone has images that take the road of real ones.

The chain is that of a scanner, one module a link:

- `tissue`, `lesions`, `distractors` draw a medium: echogenicity in dB and attenuation in dB/(cm MHz), pixel by pixel.
- `acoustics` turns it into the echo's envelope: random point scatterers, depth-dependent attenuation and lateral
  blurring, an axial pulse, noise. Speckle, shadows and enhancement follow from this; none of them is painted.
- `probe` says what the scanner is; `display` compensates depth, compresses logarithmically and quantises.
- `scan` joins the links, `plan` says what image i shows, `dataset` writes a folder in BUSI's layout.

Lengths are millimetres where the name says so, else pixels of the image; row 0 is the skin.
"""
