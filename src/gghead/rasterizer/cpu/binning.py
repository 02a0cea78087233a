"""Which splats touch which tiles, nearest first: a sort by depth for each picture, then a counting sort by tile."""

import math

import numpy as np

from gghead.rasterizer.cpu.layout import (
    BLOCK,
    CONIC_A,
    CONIC_B,
    CONIC_C,
    DEPTH,
    DETERMINANT,
    FLOOR,
    HALF,
    OPACITY,
    TILE_HEIGHT,
    TILE_WIDTH,
    ZERO,
    X,
    Y,
    kernel,
)

TWO = np.float32(2)
RADIX = 2048
"""Values of a digit: the 31 bits of a positive float32 are three digits of 11."""


@kernel
def sort_by_depth(first, step, splats, order, visible):
    """Writes to order [P, N] the visible splats of each picture, nearest first, and their number to visible [P].

    A stable radix sort: bits of positive floats compare like the floats. Equal depths keep the order of the scene.
    """
    count = splats.shape[1]
    keys, other_keys = np.empty(count, np.int32), np.empty(count, np.int32)
    other_order = np.empty(count, np.int32)
    for p in range(first, splats.shape[0], step):
        shown = 0
        for n in range(count):
            if splats[p, n, OPACITY] > ZERO:
                keys[shown] = np.float32(splats[p, n, DEPTH]).view(np.int32)
                order[p, shown] = n
                shown += 1
        visible[p] = shown
        sort_digit(keys, order[p], other_keys, other_order, shown, 0)
        sort_digit(other_keys, other_order, keys, order[p], shown, 11)
        sort_digit(keys, order[p], other_keys, other_order, shown, 22)
        for i in range(shown):
            order[p, i] = other_order[i]


@kernel
def sort_digit(keys, order, sorted_keys, sorted_order, count, shift):
    """One pass of the radix sort."""
    starts = np.zeros(RADIX + 1, np.int64)
    for i in range(count):
        starts[((keys[i] >> shift) & (RADIX - 1)) + 1] += 1
    for digit in range(RADIX):
        starts[digit + 1] += starts[digit]
    for i in range(count):
        digit = (keys[i] >> shift) & (RADIX - 1)
        sorted_keys[starts[digit]] = keys[i]
        sorted_order[starts[digit]] = order[i]
        starts[digit] += 1


@kernel
def ellipse_box(splats, n, size):
    """First and last pixel column and row of the ellipse -q/2 >= floor; its largest q."""
    width, height = size
    square = -TWO * splats[n, FLOOR]
    wide = math.sqrt(square * splats[n, CONIC_C] * splats[n, DETERMINANT])
    high = math.sqrt(square * splats[n, CONIC_A] * splats[n, DETERMINANT])
    left, top = math.ceil(max(splats[n, X] - wide - HALF, ZERO)), math.ceil(max(splats[n, Y] - high - HALF, ZERO))
    right = math.floor(min(splats[n, X] + wide - HALF, np.float32(width - 1)))
    bottom = math.floor(min(splats[n, Y] + high - HALF, np.float32(height - 1)))
    return int(left), int(right), int(top), int(bottom), square


@kernel
def ellipse_columns(splats, n, top, bottom, square, width):
    """First and last pixel column of the ellipse within pixel rows top to bottom."""
    a, b, determinant = splats[n, CONIC_A], splats[n, CONIC_B], splats[n, DETERMINANT]
    low, high = np.float32(top) + HALF - splats[n, Y], np.float32(bottom) + HALF - splats[n, Y]
    # The ellipse is widest to the right at dy = -B / C wide; within the rows the nearest dy to it is the widest.
    wide = math.sqrt(square * splats[n, CONIC_C] * determinant)
    tip = -b / splats[n, CONIC_C] * wide
    right_dy, left_dy = min(max(tip, low), high), min(max(-tip, low), high)
    right = (math.sqrt(max(square * a - right_dy * right_dy / determinant, ZERO)) - b * right_dy) / a
    left = -(math.sqrt(max(square * a - left_dy * left_dy / determinant, ZERO)) + b * left_dy) / a
    first = math.ceil(max(splats[n, X] + left - HALF, ZERO))
    last = math.floor(min(splats[n, X] + right - HALF, np.float32(width - 1)))
    return int(first), int(last)


@kernel
def count_pairs(first, step, splats, order, visible, size, tile_counts, pair_counts):
    """Counts pairs of splat and tile: by block of the depth order and tile [P, blocks, tiles]; by splat [P, N]."""
    width = size[0]
    columns = (width + TILE_WIDTH - 1) // TILE_WIDTH
    blocks = tile_counts.shape[1]
    for task in range(first, splats.shape[0] * blocks, step):
        p, block = task // blocks, task % blocks
        picture = splats[p]
        for rank in range(block * BLOCK, min((block + 1) * BLOCK, visible[p])):
            n = order[p, rank]
            left, right, top, bottom, square = ellipse_box(picture, n, size)
            # Few entries more, which no square meets, take less time than to find the ellipse's columns.
            is_narrow = right // TILE_WIDTH <= left // TILE_WIDTH + 1
            pairs = 0
            for band in range(top // TILE_HEIGHT, bottom // TILE_HEIGHT + 1):
                upper, lower = max(top, band * TILE_HEIGHT), min(bottom, band * TILE_HEIGHT + TILE_HEIGHT - 1)
                if not is_narrow:
                    left, right = ellipse_columns(picture, n, upper, lower, square, width)
                if left <= right:
                    for column in range(left // TILE_WIDTH, right // TILE_WIDTH + 1):
                        tile_counts[p, block, band * columns + column] += 1
                        pairs += 1
            pair_counts[p, n] = pairs


@kernel
def assign_places(tile_counts, pair_counts, tile_starts, first_pairs):
    """Turns counts into places: entries by (picture, tile, block), rows of pairs by (picture, splat).

    Overwrites tile_counts with the first entry of each block; writes tile_starts [P, tiles + 1] and first_pairs
    [P, N + 1].
    """
    entries = 0
    for p in range(tile_counts.shape[0]):
        for tile in range(tile_counts.shape[2]):
            tile_starts[p, tile] = entries
            for block in range(tile_counts.shape[1]):
                count = tile_counts[p, block, tile]
                tile_counts[p, block, tile] = entries
                entries += count
        tile_starts[p, tile_counts.shape[2]] = entries
    pairs = 0
    for p in range(pair_counts.shape[0]):
        for n in range(pair_counts.shape[1]):
            first_pairs[p, n] = pairs
            pairs += pair_counts[p, n]
        first_pairs[p, pair_counts.shape[1]] = pairs


@kernel
def list_pairs(first, step, splats, order, visible, size, places, first_pairs, entry_splats, pair_entries):
    """Writes the lists of the tiles, and which entries a splat has; advances places."""
    width = size[0]
    columns = (width + TILE_WIDTH - 1) // TILE_WIDTH
    blocks = places.shape[1]
    for task in range(first, splats.shape[0] * blocks, step):
        p, block = task // blocks, task % blocks
        picture = splats[p]
        for rank in range(block * BLOCK, min((block + 1) * BLOCK, visible[p])):
            n = order[p, rank]
            left, right, top, bottom, square = ellipse_box(picture, n, size)
            is_narrow = right // TILE_WIDTH <= left // TILE_WIDTH + 1
            pair = first_pairs[p, n]
            for band in range(top // TILE_HEIGHT, bottom // TILE_HEIGHT + 1):
                upper, lower = max(top, band * TILE_HEIGHT), min(bottom, band * TILE_HEIGHT + TILE_HEIGHT - 1)
                if not is_narrow:
                    left, right = ellipse_columns(picture, n, upper, lower, square, width)
                if left <= right:
                    for column in range(left // TILE_WIDTH, right // TILE_WIDTH + 1):
                        tile = band * columns + column
                        entry = places[p, block, tile]
                        entry_splats[entry] = n
                        pair_entries[pair] = entry
                        places[p, block, tile] = entry + 1
                        pair += 1
