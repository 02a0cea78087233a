"""Where a head stands in FFHQ's canonical world, and where cameras stand to see it."""

import math

FFHQ_FOCAL = 4.2647
"""Focal length of the FFHQ cameras, in units of the picture's side."""
FFHQ_DISTANCE = 2.7
"""Distance of the FFHQ cameras from the origin, world units."""
FFHQ_FOV = 2 * math.atan(0.5 / FFHQ_FOCAL)
"""Field of view of the FFHQ cameras, radians: 13.4 degrees, which cut the crown and long hair off."""
PORTRAIT_FOV = math.radians(18)
"""Field of view, radians, that shows the whole head from FFHQ's distance: caps and large hair of 31 in 200 heads of the
bundled model touch the picture's upper rim, and no body is seen to end above its lower one."""
HEAD_MIDDLE = (0.0, 0.02, 0.0)
"""What portraits look at, world: as much is left above the crown as below where bodies end."""
FACE_DEPTH = 0.2
"""z of the point around which FFHQ's crops turn, the middle of the face, world units."""
CIRCLE_RADIUS = 0.6
"""Radius of the circle of the paper's videos, around the axis z at the distance of FFHQ, world units."""
