"""The one table of tolerances. Every comparison of numbers in the tests takes its bound from here."""

from typing import NamedTuple


class Tolerance(NamedTuple):
    """Bounds for torch.testing.assert_close."""

    rtol: float
    atol: float


class Sightings(NamedTuple):
    """What models that learned from photographs must say of synthetic heads."""

    found: float
    yaw_degrees: float
    overlap: float


class Machines(NamedTuple):
    """How far the heads of one seed may be apart on two processors."""

    truth: float
    pixels: float


class PhotographedPose(NamedTuple):
    """How far a head of a photograph may be from where its true camera sees it."""

    degrees: float
    center: float
    scale: float


EXACT_FLOAT32 = Tolerance(rtol=1e-5, atol=1e-6)
"""Two orders of the same float32 arithmetic."""
EXACT_FLOAT64 = Tolerance(rtol=1e-10, atol=1e-12)
"""Two orders of the same float64 arithmetic."""
OFFICIAL_LOSS = Tolerance(rtol=1e-3, atol=1e-5)
"""Loss terms of the imported official checkpoint; bound agreed on with the fixture: float32 on a GPU against float32 on
a CPU."""
OFFICIAL_GRADIENT = 1e-2
"""Relative difference in norm of its gradients; likewise."""
OFFICIAL_POSITION_GRADIENT = 3e-2
"""The same for positions: jitter of 3e-7 in the means, a few units in the last place, moves it by up to 3 %."""
OFFICIAL_SCALE_GRADIENT = 1e-3
"""Likewise for scales, with the release's backward pass; measured 4e-4."""
OFFICIAL_ROTATION_GRADIENT = 2e-2
"""Likewise for rotations, whose rows are sums of parts up to 80 times as large; measured 1.1e-2."""
OFFICIAL_DEEP_GRADIENT = 2e-2
"""Likewise for a deep convolution and a layer of the mapping network; measured 9e-3."""
DIFFERENCE_QUOTIENT = 1e-3
"""Relative difference of a derivative and a central difference in double precision."""
GROWN_PICTURES = 0.02
"""Mean difference of pixels before and after UV maps of noise grow, which smooths them; measured 0.008."""
CARRIED_LOSS = 1e-3
"""Losses of the first steps of a run that went on from 16 bits, against one that was never packed; measured 1e-4."""
OFFICIAL_PSNR = 45.0
"""Pictures of it, dB; likewise."""
RASTER_TIGHT = 2e-5
"""Pictures of the float32 and the float64 rasterizer, relative to the largest value."""
RASTER_GRADIENT = 2e-4
"""Gradients of the float32 and the float64 rasterizer, relative to the largest value."""
RASTER_FLIPPED_FRACTION = 2e-3
"""Numbers that may exceed the two bounds above, because alpha or transmittance falls on the other side of a cut-off."""
RASTER_FLIP = 2e-2
"""Bound for those, relative to the largest value: a skipped Gaussian has alpha below 1/255."""
OFFICIAL_STYLES = Tolerance(rtol=0, atol=1e-5)
"""Styles of the imported official checkpoint; likewise."""
OFFICIAL_LOGITS = Tolerance(rtol=0, atol=1e-4)
"""Logits of it; likewise."""
OFFICIAL_RELATIVE = 1e-4
"""UV maps and attributes of it: largest difference in units of the largest value; likewise."""
OFFICIAL_HALF_MAPS = Tolerance(rtol=2**-11, atol=1e-4)
"""UV maps of an official checkpoint that are kept in 16 bits: half a unit in the last place."""
OWN_RELATIVE = 1e-4
"""Our own frozen results on another machine: largest difference in units of the largest value; float32 and double
precision differ by 8e-6."""
OWN_GRADIENT = 1e-3
"""Likewise for gradients; they differ by 4e-5."""
CUDA_FLOAT32 = 1e-5
"""Layers on a GPU in float32 against double precision, relative difference in norm."""
PRINCIPAL_AXES = 3e-6
"""Of symmetric matrices in float32, in units of the largest eigenvalue; 6e-7 was the most of 147,042."""
FAINT_STRUCTURE = 2e-3
"""Structural similarity of patterns of 0.02 on 0.8, relative: rounding to float32 is a few 1e-4 of their variance, to
TF32 about all of it."""
FROZEN_AND_NOT = 1e-4
"""Maps and gradients of a network that was frozen and one that was not, after the same changes: difference in norm,
relative; a GPU sums in another order."""
CUDA_HALF = 2e-2
"""The same in bfloat16, whose unit roundoff is 4e-3; a few layers deep."""
REPLAYED = Tolerance(rtol=1e-3, atol=1e-4)
"""Losses and norms of gradients in the steps of two runs on a GPU whose networks hardly move."""
REPLAYED_MOMENTS = 2e-2
"""Relative difference in norm of the second moments of their parameters after some steps."""
CUDA_PICTURE = Tolerance(rtol=0, atol=2e-3)
"""Pictures of the same heads drawn on a GPU; its convolutions sum in another order."""
PLY_PICTURE = Tolerance(rtol=0, atol=1e-4)
"""A picture drawn from a PLY against one drawn from the model: logarithms and logits there and back."""
CUT_OUT = Tolerance(rtol=0, atol=1e-3)
"""A picture without background laid on a colour against one drawn on it; Gaussians may be brighter than 1 by 0.001."""
VIDEO_COLOR = Tolerance(rtol=0, atol=5e-3)
"""Luma of an encoded frame of one colour: it has 219 steps; BT.601 would be off by 4e-2."""
TONE_TABLE = Tolerance(rtol=0, atol=3e-3)
"""Display values in [0, 1] by the renderer's table against the formula; its steps are widest near black."""
SAMPLED_LIGHT = Tolerance(rtol=4e-3, atol=2e-3)
"""Integrals of light over maps of 64 or 128 rows against the formula."""
MEDIAPIPE = Sightings(found=0.99, yaw_degrees=2.2, overlap=0.97)
"""Share of frontal pictures with a face, standard deviation of the estimated yaw's error, mean IoU of the masks."""
OTHER_PROCESSOR = Machines(truth=1e-3, pixels=2e-3)
"""Largest difference of an entry of the truth, and share of the pixels that may differ; seen: 2e-5 and 6e-5."""
FRECHET = 1e-6
"""Relative difference of Frechet distances by eigenvalues and by scipy's matrix root in double precision."""
EXPORTED_PSNR = 40.0
"""Pictures of a head that was written and read again in a format of few bits, against the head's own, dB."""
PLY_PSNR = 50.0
"""The same for formats of 16 bits and more."""
MESH_PSNR = 20.0
"""A textured mesh against the Gaussians on it, dB: hard edges against soft ones."""
FOREIGN_PSNR = 28.0
"""A screenshot of another program's viewer against our picture, the same camera, dB; seen: 31 to 40."""
FOREIGN_MESH_PSNR = 16.0
"""The same for a mesh of a head whose Gaussians are noise around the surface; seen: 18, and 23 for a smooth head."""
MACHINES_AGREE = 1e-3
"""Relative difference of an evaluation's numbers on two machines, for the same seeds on the CPU."""
TWO_PROCESSES = 1e-2
"""Weights and moments of some training steps of two processes against those of one: norm of the difference over norm;
seen: 3e-6, 5e-4 of a bias on another kind of processor, where rounding takes an activation over its kink, and 4e-3 of a
noise strength, a sum of terms that cancel."""
TWO_GPUS = 1e-3
"""Weights of a few training steps of two GPUs against those of one: norm of the difference over norm."""
HALF_WEIGHTS = Tolerance(rtol=2**-10, atol=1e-6)
"""Weights that were stored in 16 bits."""
HALF_PRECISION_WEIGHTS = 2e-2
"""Largest difference of a colour coefficient between a network and its copy stored in 16 bits."""
BUNDLED_FACES = 0.9
"""Share of the bundled model's heads, from the front and turned by 40 degrees, in which MediaPipe must find a face."""
SAME_SCREEN_GAUSSIAN = 0.05
"""Share of a speck's light that may be lost when finer pixels draw it smoothed: its tails are cut elsewhere."""
ONE_WAY = Tolerance(rtol=0, atol=1e-5)
"""The same head, or its picture by the same camera, made by two parts of the program; batches sum in another order."""
FINER_PICTURE_PSNR = 30.0
"""A finer picture of smoothed heads, its pixels averaged, against that of the size learned from, dB."""
NEEDLES = Tolerance(rtol=0, atol=2e-4)
"""Mean difference of pictures of Gaussians thousands of times longer than thick, float32 against double precision."""
NEEDLE_GRADIENT = 2e-4
"""Largest difference of their gradients, in units of the largest; measured 7e-5 at up to 100,000 thicknesses, where the
conic times itself was 4e-2 off."""
ROUNDED = 0.51
"""What rounding to 0 ... 255 may change, and a little for sums in another order; 0.5012 was seen."""
CUT_LEVELS = 2.0
"""Largest error of a smooth pattern in a crop, of 255 levels; a place that is off by a tenth of a pixel would make
0.8 at least."""
CUT_PLACES = 0.02
"""How far a crop's content may lie beside its place, pixels of the photograph."""
CUT_PSNR = 37.0
"""A crop that is made smaller against Pillow's Lanczos resizing, dB, in noise as natural pictures have. Pillow's
bilinear resizing has 36."""
JPEG_COLORS = 6
"""Levels of 255 by which a smooth picture may differ after JPEG or AVIF of quality 95."""
CONVERTED_COLORS = 2
"""Levels of 255 between two conversions of colours by the same profile, by LittleCMS in 16 bits and by the formulas."""
VIDEO_COLORS = 6
"""Levels of 255 by which plain areas may differ after a video codec of high quality, and half its colour resolution."""
MASK_OF_SHARP = 0.97
"""IoU of the mask of a plain figure with hard edges, 128 pixels a side, whose segmentation has cells of 4."""
MASK_OVERLAP = 0.965
"""Median IoU of the masks of a few rendered people, whose heads fill their photographs; hats are missed."""
PHOTOGRAPH_DEGREES = 8.0
"""Errors of yaw and pitch in the label of a rendered person's photograph; labels of other people are wrong by 20."""
PHOTOGRAPHED_POSE = PhotographedPose(degrees=7.0, center=0.03, scale=0.06)
"""A head of a rendered photograph against its true camera: angle, place and size, sides of the crop. Three times what
docs/photographs.md has as the median."""
MIRRORED_POSE = 1.0
"""Degrees between the poses of a photograph and of its mirror image; the looks at it are turned the other way."""
GPU_FITS = 0.01
"""Losses of the first steps of an inversion on a GPU against the CPU's, relative: Adam enlarges small gradients."""
WIDE_FILTER = 0.02
"""Share of the range of a noisy picture by which its wide filter on a smaller picture may differ from the Gaussian."""
OFFICIAL_INVERSION = 40.0
"""dB on white, of an imported official checkpoint's own picture that was inverted."""
RIM_LEFT = 0.45
"""Share of what a background adds to the rim of a mask that may stay there where both have smooth colours."""
SAME_CHIP = Tolerance(rtol=0, atol=1e-5)
"""Vectors of a face network by torch and by dlib for the same picture; measured 1e-6."""
OTHER_CHIP = 0.1
"""Distance of vectors of a picture that was cut out by us and by dlib; measured 0.06. Two people are 0.5 apart."""
CHIP_COLORS = 0.02
"""How far a pixel of a smooth picture may lie beside its place in a cut-out face, pixels."""
ENLARGED_PART = 0.02
"""A part of a picture, enlarged by linear interpolation, against the part as its camera draws it; mean over pixels."""
