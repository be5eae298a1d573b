"""The formats that a model can be stored in, and what is asked of them: plain values, quick to import."""

FORMATS = {
    "float32": "as it was trained: the yardstick for the others",
    "float16": "weights in 16 bits, calculated in 32",
    "dynamic": "weights in 8 bits, activations quantized while it runs",
    "int8": "weights and activations in 8 bits: what the board wants",
    "int8-w4": "weights in 4 bits, activations in 8: the smallest",
    "int16x8": "weights in 8 bits, activations in 16: exact, and slow",
}
"""Name of each, and what it is."""

DEFAULT = "int8"

FULL = ("int8", "int8-w4", "int16x8")
"""Those whose activations are quantized by what the calibration shows."""

SCENES = "scene-glyphs"
"""The test set of glyphs cut out of drawn scenes, which only networks trained here have."""

MISREAD_SHARE = 0.001
"""Where there are no scenes: of the digits shown as certain, at most this share is misread, by default."""

SLOW = "int16x8"
"""No runtime has fast kernels for it: some 70 times the time of int8."""
