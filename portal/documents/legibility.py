"""What is measured about a photo of a paper before a person looks at it: dark, blurred, too small, nothing there.

Every finding is a warning and never a refusal: a dark photo may still be the only one somebody has, and a clerk
judges it. Plain functions over a picture, no Django.
"""

from PIL import Image, ImageFilter, ImageStat

DARK, BLURRED, SMALL, PLAIN = "dark", "blurred", "small", "plain"

MEASURED_SIDE = 1000
"""Longer side in pixels at which everything is measured, so that one threshold fits every camera."""
LEAST_SIDE = 640
"""Longer side in pixels under which letters are too few pixels high: a card of 86 mm then has 7 pixels a millimetre."""
BRIGHT_SHARE = 0.05
DARK_BELOW = 100
"""Grey value, 0 to 255, that the brightest twentieth of a photo must reach. Not the mean: people are told to lay the
paper on something dark. White paper by a lamp in the evening reaches 130 and more."""
PLAIN_SHARE, PLAIN_BELOW = 0.001, 24
"""Grey values between the darkest and the brightest thousandth: one line of print on a sheet has over 60, a covered
lens under 10."""
GRID = 10
BLURRED_BELOW = 60
"""Variance of the Laplacian in the sharpest of a hundred tiles. Tiles, because most of a sheet is empty: where letters
stand, one of them tells whether they have edges. Measured on drawn papers of 2000 pixels: sharp over 900, smeared by 2
pixels over 700, by 3 over 100, by 4 under 60, and then the figures of an identity number run together."""

LAPLACIAN = ImageFilter.Kernel((3, 3), (0, 1, 0, 1, -4, 1, 0, 1, 0), scale=1, offset=128)


def findings(picture: Image.Image) -> list[str]:
    """Codes of what should be looked at, the most telling one alone: in the dark everything is blurred too."""
    grey = picture.convert("L")
    grey.thumbnail((MEASURED_SIDE, MEASURED_SIDE), Image.Resampling.BICUBIC)
    small = [SMALL] if max(picture.size) < LEAST_SIDE else []
    darkest, brightest = _ends(grey, PLAIN_SHARE)
    if brightest - darkest < PLAIN_BELOW:
        return [PLAIN]
    if _ends(grey, BRIGHT_SHARE)[1] < DARK_BELOW:
        return [DARK, *small]
    if sharpness(grey) < BLURRED_BELOW:
        return [BLURRED, *small]
    return small


def sharpness(grey: Image.Image) -> float:
    """The variance of the Laplacian in the sharpest tile of a hundred."""
    width, height = grey.size
    # The filter leaves the outermost pixels as they were.
    edges = grey.filter(LAPLACIAN).crop((1, 1, width - 1, height - 1))
    width, height = edges.size
    tiles = [
        (width * column // GRID, height * row // GRID, width * (column + 1) // GRID, height * (row + 1) // GRID)
        for row in range(GRID)
        for column in range(GRID)
    ]
    return max(ImageStat.Stat(edges.crop(tile)).var[0] for tile in tiles if tile[0] < tile[2] and tile[1] < tile[3])


def _ends(grey: Image.Image, part: float) -> tuple[int, int]:
    """Grey values below and above which a part of the pixels lies."""
    counts = grey.histogram()
    share = sum(counts) * part
    return _value_after(counts, share), 255 - _value_after(counts[::-1], share)


def _value_after(counts: list[int], share: float) -> int:
    total = 0
    for value, count in enumerate(counts):
        total += count
        if total > share:
            return value
    return len(counts) - 1
