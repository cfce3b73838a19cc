#!/usr/bin/env python3
"""A second decoder of .siren files, written from the specification (siren.md, numerics.md) and in its order.

    reference.py INPUT.siren OUTPUT          a picture to .png, .ppm or .pgm, a sound to .wav
    reference.py --f32 INPUT.siren OUTPUT    the unit values as raw little-endian binary32

    --size WxH, --size N                     a grid of so many samples over the whole, instead of the native one

It decodes in the Exact class: the samples are those of every exact decoder, bit for bit. Needs numpy.
"""
import copy
import functools
import itertools
import math
import struct
import sys
import wave
import zlib
from pathlib import Path

import numpy as np


class Malformed(Exception):
    """The file breaks the specification."""


class Unsupported(Exception):
    """The specification allows it; this decoder does not do it."""


class Limit(Exception):
    """The file asks for more than this decoder wants to spend."""


def require(condition, message):
    if not condition:
        raise Malformed(message)


def ask(what, needed, allowed):
    if needed > allowed:
        raise Limit(f"{what} {needed} exceeds the limit of {allowed}")


# 10  Limits

MAX_TILES = 1 << 20
MAX_METADATA = 16 << 20
MAX_PARAMETERS = 64 << 20
MAX_SAMPLES = 1 << 30


# 2  Notation

class Fields:
    """The unread bytes of a section."""

    def __init__(self, data, what):
        self.data, self.at, self.what = data, 0, what

    def rest(self):
        return self.data[self.at:]

    def take(self, count, field):
        left = len(self.data) - self.at
        require(count <= left, f"{self.what}: {field} needs {count} bytes, {left} are left")
        self.at += count
        return self.data[self.at - count:self.at]

    def u8(self, field):
        require(self.at < len(self.data), f"{self.what}: {field} is missing")
        return self.take(1, field)[0]

    def varint(self, field, low=0, high=(1 << 63) - 1):
        value = 0
        for group in range(9):
            byte = self.u8(field)
            value |= (byte & 0x7F) << 7 * group
            if byte < 0x80:
                require(byte > 0 or group == 0, f"{self.what}: {field} {value} is not in its shortest form")
                require(low <= value <= high, f"{self.what}: {field} {value}, expected {low} to {high}")
                return value
        raise Malformed(f"{self.what}: {field} is longer than 9 bytes")

    def unknown(self, field, number, known):
        """A number without a meaning in this version: those below 128 may get one in a later version."""
        error = Unsupported if number < 128 else Malformed
        raise error(f"{self.what}: {field} {number}, expected {known}")

    def finish(self):
        left = len(self.data) - self.at
        require(left == 0, f"{self.what}: {left} bytes after the last field")


# 4  Layout

MAGIC = b"\x89SRN\r\n\x1a\n"
SIGNAL, TILES, METADATA, UNITS, MISSING, NETWORK = 0x01, 0x02, 0x83, 0x06, 0x07, 0x7F
NAMES = {SIGNAL: "SIGNAL", TILES: "TILES", METADATA: "METADATA", UNITS: "UNITS", MISSING: "MISSING", NETWORK: "NETWORK"}


def split(data):
    """Section number → payload."""
    require(data[:8] == MAGIC, ".siren: the first 8 bytes are not the magic 89 53 52 4e 0d 0a 1a 0a")
    file = Fields(data, ".siren")
    file.take(8, "magic")
    version = file.u8("version")
    if version != 0:
        raise Unsupported(f".siren: version {version}, version 0 is supported")
    sections, last = {}, 0
    while file.at < len(data):
        start = file.at
        number = file.u8("section number")
        name = NAMES.get(number, "unknown")
        payload = file.take(file.varint("section length"), name)
        computed = zlib.crc32(data[start:file.at])
        stored = int.from_bytes(file.take(4, "checksum"), "little")
        require(stored == computed, f"{name} section: checksum {stored:08x}, expected {computed:08x}")
        require(number & 0x7F, f".siren: section number {number:#04x} is never used")
        require(number & 0x7F > last & 0x7F, f".siren: section {number:#04x} after section {last:#04x}")
        last = number
        sections[number] = payload
    for number in sections:
        if number not in NAMES and number < 0x80:
            raise Unsupported(f".siren: critical section {number:#04x}")
    require(SIGNAL in sections, ".siren: no SIGNAL section")
    return sections


# 5.1  SIGNAL

PICTURE, SOUND, VIDEO, VOLUME, FIELD = 0, 1, 2, 3, 5
KINDS = {PICTURE: "picture", SOUND: "sound", VIDEO: "video", VOLUME: "volume", FIELD: "field"}
RESERVED_KINDS = {4: "shape"}
FORMATS = ["U8", "U16", "I8", "I16", "I24", "I32", "F32"]
FORMATS_OF = {PICTURE: (0, 1, 6), SOUND: (2, 3, 4, 5, 6), VIDEO: (0, 1, 6), VOLUME: range(7), FIELD: range(7)}
MOST_CHANNELS = {PICTURE: 4, SOUND: 8, VIDEO: 4, VOLUME: 64, FIELD: 64}
SPACE, TIME, TIME_AT_RATE, OTHER = 0, 1, 2, 3
MEASURES = {PICTURE: [SPACE, SPACE], SOUND: [TIME_AT_RATE], VIDEO: [SPACE, SPACE, TIME_AT_RATE], VOLUME: [SPACE] * 3}


class Signal:
    def __init__(self, payload):
        f = Fields(payload, "SIGNAL section")
        self.kind = f.u8("kind")
        if self.kind in RESERVED_KINDS:
            raise Unsupported(f"SIGNAL section: kind {self.kind}, {RESERVED_KINDS[self.kind]}")
        if self.kind not in KINDS:
            f.unknown("kind", self.kind, "0 to 3 or 5")
        number = f.u8("sample format")
        if number not in FORMATS_OF[self.kind]:
            f.unknown("sample format", number, f"one of a {KINDS[self.kind]}")
        self.format = FORMATS[number]
        self.channels, most = f.u8("channels"), MOST_CHANNELS[self.kind]
        require(self.channels > 0, "SIGNAL section: 0 channels")
        if self.channels > most:
            raise Unsupported(f"SIGNAL section: {self.channels} channels, expected 1 to {most}")
        self.measures = MEASURES.get(self.kind) or self.read_measures(f)
        self.lengths = [f.varint("axis length", 1, 2**31 - 1) for _ in self.measures]
        self.rates = [self.read_rate(f) if m == TIME_AT_RATE else None for m in self.measures]
        self.rate = next((rate for rate in self.rates if rate), None)
        for kind, measures in MEASURES.items():
            same = measures == self.measures and self.channels <= MOST_CHANNELS[kind]
            whole = kind != SOUND or self.rate is None or self.rate[1] == 1
            same = same and whole and self.kind == FIELD
            require(not same, f"SIGNAL section: a field, but its axes are those of a {KINDS[kind]}")
        f.finish()

    @staticmethod
    def read_measures(f):
        count = f.u8("axes")
        require(count > 0, "SIGNAL section: 0 axes")
        if count > 4:
            raise Unsupported(f"SIGNAL section: {count} axes, expected 1 to 4")
        measures = []
        for _ in range(count):
            measures.append(f.u8("measure"))
            if measures[-1] > OTHER:
                f.unknown("measure", measures[-1], "0 to 3")
        return measures

    def read_rate(self, f):
        numerator = f.varint("sample rate", 1, 2**31 - 1)
        denominator = 1 if self.kind == SOUND else f.varint("denominator of the rate", 1, 2**31 - 1)
        lowest = math.gcd(numerator, denominator) == 1
        require(lowest, f"SIGNAL section: a rate of {numerator}/{denominator}, expected lowest terms")
        return numerator, denominator

    def scales(self):
        """The scale of each axis: those of space share one."""
        scales = []
        for axis, measure in enumerate(self.measures):
            space = self.measures.index(SPACE) if measure == SPACE else axis
            scales.append(scales[space] if space < axis else max(scales, default=-1) + 1)
        return scales

    def has_own_range(self):
        return self.format == "F32" or self.kind in (VOLUME, FIELD)

    def has_alpha(self):
        return self.kind in (PICTURE, VIDEO) and self.channels % 2 == 0


# 5.2  TILES

class Tiles:
    def __init__(self, payload, signal):
        self.lengths, self.scales = lengths, scales = signal.lengths, signal.scales()
        self.counts, self.overlaps = [1] * len(lengths), [0] * len(lengths)
        if payload is not None:
            f = Fields(payload, "TILES section")
            self.counts = [f.varint("tiles along an axis", 1, n) for n in lengths]
            require(math.prod(self.counts) >= 2, "TILES section: 1 tile, which needs no section")
            divided = sorted({scale for scale, count in zip(scales, self.counts) if count > 1})
            overlaps = {scale: f.varint("overlap", 0, 2**31 - 1) for scale in divided}
            self.overlaps = [overlaps.get(scale, 0) for scale in scales]
            f.finish()
            ask("tiles", math.prod(self.counts), MAX_TILES)
            for count, length, overlap in zip(self.counts, lengths, self.overlaps):
                require(count == 1 or length // count >= 2 * overlap,
                        f"TILES section: overlap: {overlap} samples, more than half of the smallest core")

    def boundary(self, axis, k):
        return k * self.lengths[axis] // self.counts[axis]

# 7.2

    def index(self, number):
        """Where tile `number` stands along each axis, the first axis fastest."""
        index = []
        for count in self.counts:
            index.append(number % count)
            number //= count
        return index

    def box(self, number):
        """Per axis the first sample of the extended box and one past the last."""
        return [
            (max(self.boundary(a, k) - overlap, 0), min(self.boundary(a, k + 1) + overlap, self.lengths[a]))
            for a, (k, overlap) in enumerate(zip(self.index(number), self.overlaps))
        ]

    def spans(self, number):
        """Per axis the longest side of the extended box along the axes of its scale."""
        sides = [end - start for start, end in self.box(number)]
        return [max(side for side, scale in zip(sides, self.scales) if scale == of) for of in self.scales]

    # 7.3

    @staticmethod
    def ramp(edge, boundary, overlap):
        distance, radius = edge - float(boundary), float(overlap)
        if radius == 0:
            return (distance >= 0).astype(np.float64)
        u = (distance + radius) / (2.0 * radius)
        inside = u * u * u * (10.0 + u * (6.0 * u - 15.0))
        return np.where(distance <= -radius, 0.0, np.where(distance >= radius, 1.0, inside))

    def weight(self, axis, k, position):
        edge = position + 0.5
        rising = 1.0 if k == 0 else self.ramp(edge, self.boundary(axis, k), self.overlaps[axis])
        falling = 0.0 if k + 1 == self.counts[axis] else self.ramp(edge, self.boundary(axis, k + 1), self.overlaps[axis])
        return (rising - falling + 0.0 * edge).astype(np.float32)


# 5.3  METADATA

def read_metadata(payload):
    """Kind → bytes."""
    f = Fields(payload, "METADATA section")
    size = f.varint("size")
    ask("metadata bytes", size, MAX_METADATA)
    f, blocks, last = Fields(decompress(f.rest(), size, f.what), f.what), {}, 0
    while not blocks or f.at < len(f.data):
        kind = f.u8("block kind")
        require(kind > last, f"METADATA section: block kind {kind} after {last}")
        blocks[kind] = f.take(f.varint("block length"), "block")
        last = kind
    return blocks


# 5.4  UNITS

class Units:
    """How blended values become unit values (7.6)."""

    def __init__(self, payload, signal):
        f = Fields(payload, "UNITS section")
        biased = f.varint("scale", 0, 277)
        numbers = lambda what: np.frombuffer(
            b"".join(f.take(4, what) for _ in range(signal.channels)), "<f4"
        ).astype(np.float32)
        common = np.full(signal.channels, math.ldexp(1.0, biased - 149), np.float32) if biased < 277 else None
        self.scales = numbers("scale of a channel") if common is None else common
        self.offsets = numbers("offset")
        own, kind = signal.has_own_range(), KINDS[signal.kind]
        require(own, f"{f.what}: units of {signal.format} samples of a {kind}, which have none")
        for offset in self.offsets:
            name = str(offset).replace("nan", "NaN")
            require(np.isfinite(offset), f"{f.what}: offset {name}, expected a finite number")
        for scale in self.scales:
            name = str(scale).replace("nan", "NaN")
            valid = np.isfinite(scale) and not np.signbit(scale)
            require(valid, f"{f.what}: scale {name}, expected a finite number from 0 on")
        changes = np.any(self.scales != 1) or np.any(self.offsets.view(np.uint32))
        require(changes, f"{f.what}: scale 1 and offsets 0, expected no such section")
        shared = np.all(self.scales == self.scales[0]) and math.frexp(self.scales[0])[0] == 0.5
        own = common is not None or not shared
        require(own, f"{f.what}: a scale of 2^{math.frexp(self.scales[0])[1] - 1} for each channel, expected a common one")
        f.finish()

    def apply(self, values):
        most = np.finfo(np.float32).max
        with np.errstate(over="ignore"):
            scales, offsets = (np.broadcast_to(numbers, values.shape) for numbers in (self.scales, self.offsets))
            moved = fma(scales, values, offsets)
        return np.where((values == 0) | (scales == 0), offsets, np.clip(moved, -most, most))


# 5.5  MISSING

class Chance:
    """What a context has learned."""

    def __init__(self):
        self.chance, self.seen = 1 << 31, 0

    def frequency(self):
        return max(self.chance >> 16, 1)

    def update(self, missing):
        shift = (self.seen + 3).bit_length() - 1
        self.chance += ((2**32 - 1 - self.chance) >> shift) if missing else -(self.chance >> shift)
        self.seen = min(self.seen + 1, 61)


def read_bit(coder, context, chance):
    """One bit of the mask: the bits of its context, and what that has learned."""
    frequency = chance.frequency()
    missing = coder.peek(16) < frequency
    coder.consume(*((0, frequency) if missing else (frequency, 65536 - frequency)), 16)
    chance.update(missing)
    return missing


def read_missing(payload, signal):
    """Which samples are missing: the channels, or one for all of them, then the axes, the slowest first."""
    f = Fields(payload, "MISSING section")
    require(signal.format == "F32", f"{f.what}: samples of {signal.format}, expected F32")
    count = f.u8("planes")
    require(count in (1, signal.channels), f"{f.what}: {count} planes, expected 1 or {signal.channels}")
    stream, bits = f.rest(), count * math.prod(signal.lengths)
    ask("samples of the mask", bits, MAX_SAMPLES)
    # Each bit costs at least 2^-16 of the interval.
    require(-(-bits >> 19) <= len(stream) + 4, f"{f.what}: {len(stream)} bytes for {bits} samples")
    coder, contexts = RangeDecoder(stream, f.what), {}
    width, height, depth, times = (signal.lengths + [1, 1, 1])[:4]
    # A margin of zeros on both sides of each axis, and before the first channel.
    planes = np.zeros([count + 1, times + 1, depth + 1, height + 3, width + 4], bool)
    for c, t, z, y, x in itertools.product(*map(range, (count, times, depth, height, width))):
        c, t, z, y, x = c + 1, t + 1, z + 1, y + 2, x + 2
        own = planes[c, t, z]
        line = [own[y, x - 1], own[y, x - 2], *own[y - 1, x - 1:x + 3], own[y - 2, x]]
        before = [planes[c, t, z - 1, y, x], planes[c, t, z - 1, y, x + 1], planes[c, t, z - 1, y + 1, x]]
        context = tuple(map(int, line + [*before, planes[c, t - 1, z, y, x], planes[c - 1, t, z, y, x]]))
        own[y, x] = read_bit(coder, context, contexts.setdefault(context, Chance()))
    coder.finish()
    planes = planes[1:, 1:, 1:, 2:-1, 2:-2].reshape([count] + signal.lengths[::-1])
    require(planes.any(), f"{f.what}: no sample is missing, expected no such section")
    require(not planes.all(), f"{f.what}: all {math.prod(signal.lengths) * signal.channels} samples are missing")
    equal = count > 1 and (planes == planes[:1]).all()
    require(not equal, f"{f.what}: {count} equal planes, expected 1")
    return planes


# 6.4  Range coder

class RangeDecoder:
    def __init__(self, data, what="coded parameters"):
        self.data, self.position, self.code, self.range, self.what = data, 0, 0, 2**32 - 1, what
        for _ in range(4):
            self.shift()

    def shift(self):
        byte = self.data[self.position] if self.position < len(self.data) else 0
        self.position += 1
        require(self.position <= len(self.data) + 4, f"{self.what}: the stream of {len(self.data)} bytes is too short")
        self.code = (self.code << 8 | byte) & 0xFFFFFFFF

    def peek(self, bits):
        position = self.code // (self.range >> bits)
        require(position < 1 << bits, f"{self.what}: a code outside the intervals of all symbols")
        return position

    def consume(self, start, size, bits):
        unit = self.range >> bits
        self.code -= start * unit
        self.range = size * unit
        while self.range < 1 << 24:
            self.range <<= 8
            self.shift()

    def bits(self, count):
        value = 0
        while count > 0:
            piece = min(count, 16)
            bits = self.peek(piece)
            self.consume(bits, 1, piece)
            value, count = value << piece | bits, count - piece
        return value

    def finish(self):
        require(self.position >= len(self.data), f"{self.what}: {len(self.data) - self.position} bytes after the end of the stream")
        missing = self.position - len(self.data)
        if missing < 4:
            unit, last = 256**missing, self.data[-1] if self.data else 0
            require(last != 0 and self.code < unit and self.code + (256 - last) * unit >= self.range,
                    f"{self.what}: the stream does not end in the shortest way")


# 6.5  Frequency tables

RATIOS = [
    (0x03FFC008, 0x042105F3), (0x04C153F3, 0x04F0BB29), (0x05A772C2, 0x05EB135A), (0x06B8F7E2, 0x07199B45),
    (0x07FE00FF, 0x08885DBE), (0x09802450, 0x0A46B238), (0x0B4AACAD, 0x0C685F52), (0x0D6AD9AA, 0x0F073A10),
    (0x0FF01FB1, 0x12457FA4), (0x12EC607E, 0x1651443E), (0x16740EB9, 0x1B696DB6), (0x1A9E26A2, 0x21E49E03),
    (0x1F83D9AC, 0x2A39780C), (0x253FBBDA, 0x35037829), (0x2BEC3330, 0x42F319E8), (0x33A0E4ED, 0x5484965B),
    (0x3C6EF373, 0x69737341), (0x465C2ABF, 0x806E319E), (0x515DC81E, 0x979224B2), (0x5D5440F1, 0xAD2649B5),
    (0x6A09E668, 0xC002D3AC), (0x7735EC49, 0xCFA6DE0D), (0x8483EE0D, 0xDC186C02), (0x919E28EA, 0xE5AFB09A),
    (0x9E3779B9, 0xECE7AA23), (0xAA128698, 0xF23E6943), (0xB504F334, 0xF6246E52), (0xBEF70571, 0xF8F683D7),
    (0xC7E0F66B, 0xFAFD826F), (0xCFC7407D, 0xFC70C634), (0xD6B6E296, 0xFD797762), (0xDCC222E1, 0xFE35B9E8),
    (0xE1FE03F6, 0xFEBB6592), (0xE6806BB5, 0xFF1A315A), (0xEA5EE219, 0xFF5D5CCB), (0xEDADC716, 0xFF8CED9C),
    (0xF07FE010, 0xFFAE98D7),
]


def sums(escape, wide, ratio, change):
    weight, total, out = 1 << 32, 0, [0]
    for entry in range(escape + 1):
        total += weight // 2 if entry == 0 and not wide else weight
        out.append(total)
        weight = weight * ratio >> 32
        ratio = ratio * change >> 32
    return out


def table(scale, shape, wide):
    """Where each entry starts, and 65536 at the end; the last entry is the escape."""
    laplace, gauss = RATIOS[scale]
    square = gauss * gauss >> 32
    escape = 16 << max(scale - 21, 0) // 4
    l = sums(escape, wide, laplace, 1 << 32)
    g = sums(escape, wide, square if wide else gauss, square)
    rest = 65536 - escape - 1
    return [
        j + (shape * (l[j] * rest // l[-1]) + (8 - shape) * (g[j] * rest // g[-1])) // 8 for j in range(escape + 2)
    ]


# 6.6  Magnitudes

MAX_MAGNITUDE = 1 << 20
QUARTERS = (71468, 84990, 101071, 120194)


class Context:
    def __init__(self, mean, count=1):
        self.sum, self.count = mean, count

    def inherit(self):
        return Context(self.sum * 8 // self.count, 8)

    def scale(self):
        mean = (self.sum << 16) // self.count
        if mean == 0:
            return 0
        octave = mean.bit_length() - 1
        mantissa = mean << 16 >> octave
        return max(4 * octave + sum(q <= mantissa for q in QUARTERS) - 44, 0)

    def update(self, magnitude):
        self.sum += magnitude
        self.count += 1
        if self.count == 256:
            self.sum //= 2
            self.count //= 2


class Magnitudes:
    def __init__(self, data, shape):
        self.range, self.shape, self.tables = RangeDecoder(data), shape, {}

    def magnitude(self, context):
        scale = context.scale()
        shift = max(0, -(-(scale - 36) // 4))
        key = scale - 4 * shift, shift > 0
        if key not in self.tables:
            self.tables[key] = np.array(table(key[0], self.shape, key[1]))
        starts = self.tables[key]
        entry = int(np.searchsorted(starts, self.range.peek(16), side="right")) - 1
        self.range.consume(int(starts[entry]), int(starts[entry + 1] - starts[entry]), 16)
        if entry == len(starts) - 2:
            entry += self.beyond()
        magnitude = entry << shift | self.range.bits(shift)
        require(magnitude <= MAX_MAGNITUDE, f"coded parameters: a magnitude above {MAX_MAGNITUDE}")
        context.update(magnitude)
        return magnitude

    def beyond(self):
        """The distance behind an escape."""
        bits = 3
        while self.range.bits(1):
            bits += 1
            require(bits <= 21, f"coded parameters: a magnitude above {MAX_MAGNITUDE}")
        return (1 << bits | self.range.bits(bits)) - 8

    def signed(self, context):
        magnitude = self.magnitude(context)
        return -magnitude if magnitude and self.range.bits(1) else magnitude


# 6.2  Order

def parameters_of(layers):
    return sum(rows * columns + rows for rows, columns in layers)


# 6.3  Quantized parameters

MANTISSAS = np.array([0x3F800000, 0x3F8B95C2, 0x3F9837F0, 0x3FA5FED7, 0x3FB504F3, 0x3FC5672A, 0x3FD744FD, 0x3FEAC0C7],
                     np.uint32).view(np.float32)


def step(index):
    return np.float32(MANTISSAS[index % 8] * np.float32(2.0 ** (index // 8)))


def quantized(data, shapes):
    """Per tile the layers as (weights, biases)."""
    require(len(data) > 0, "coded parameters: the shape is missing")
    in_order, shape = bool(data[0] & 0x10), data[0] & 0xEF
    if shape > 8:
        raise Unsupported(f"coded parameters: shape {data[0]:#04x}, expected 0 to 8, or 16 more")
    count = sum(map(parameters_of, shapes))
    require(count <= 256 * len(data), f"coded parameters: {len(data) - 1} bytes for {count} parameters")
    coder = Magnitudes(data[1:], shape)
    first_tile, later_tiles, contexts = Context(8), Context(8), []
    networks, before = [], None
    for layers in shapes:
        steps, network = [], []
        for number, (rows, columns) in enumerate(layers):
            last = number + 1 == len(layers)
            if before is not None:
                reference, step_context = before[number], later_tiles
            else:
                reference, step_context = steps[-1] if steps else (-56, -56), first_tile
            pair = []
            for index in reference:
                index += coder.signed(step_context)
                require(-512 <= index <= 511, f"coded parameters: step index {index}, expected -512 to 511")
                pair.append(index)
            steps.append(tuple(pair))
            if len(contexts) == number:
                pair_of_contexts = [c.inherit() for c in contexts[-1]] if contexts else [Context(16), Context(16)]
                if in_order and number == 0:
                    pair_of_contexts[1] = Context(4)
                elif in_order and last:
                    pair_of_contexts[1] = Context(16)
                contexts.append(pair_of_contexts)
            weights = [coder.signed(contexts[number][0]) for _ in range(rows * columns)]
            if in_order and not last:
                biases, bias = [], 0
                for _ in range(rows):
                    bias += coder.magnitude(contexts[number][1])
                    require(bias <= MAX_MAGNITUDE, f"coded parameters: bias {bias} above {MAX_MAGNITUDE}")
                    biases.append(bias)
            else:
                biases = [coder.signed(contexts[number][1]) for _ in range(rows)]
            network.append((
                np.array(weights, np.float32).reshape(rows, columns) * step(pair[0]),
                np.array(biases, np.float32) * step(pair[1]),
            ))
        before = steps
        networks.append(network)
    coder.range.finish()
    return networks


# 6.7  Stored parameters

MAX_BLOCK = 128 << 10


def check_frame(frame, size, what):
    """The window and the blocks of a frame that says its size, has no dictionary and no checksum, and no window larger than
    its content."""
    f = Fields(frame, what)
    require(f.take(4, "frame") == b"\x28\xb5\x2f\xfd", f"{what}: the frame does not begin with 28 b5 2f fd")
    descriptor = f.u8("frame descriptor")
    require(descriptor & 0x1F == 0, f"{what}: frame descriptor {descriptor:#04x}, expected bits 0 to 4 to be 0")
    single = descriptor & 0x20 != 0
    window = size
    if not single:
        code = f.u8("frame window")
        window = (8 + code % 8) << (7 + code // 8)
    width = (1 if single else 0, 2, 4, 8)[descriptor >> 6]
    require(width > 0, f"{what}: the frame does not state the size of its content")
    stated = int.from_bytes(f.take(width, "frame content size"), "little") + (256 if width == 2 else 0)
    require(stated == size, f"{what}: frame of {stated} bytes, {size} expected")
    require(window <= size, f"{what}: frame window of {window} bytes for {size} bytes of content")
    last, blocks = False, []
    while not last:
        header = int.from_bytes(f.take(3, "block header"), "little")
        last, kind, block = header % 2 == 1, header // 2 % 4, header // 8
        require(block <= min(window, MAX_BLOCK), f"{what}: block of {block} bytes, expected up to {min(window, MAX_BLOCK)}")
        require(kind < 3, f"{what}: block of kind 3")
        blocks.append((kind, f.take(1 if kind == 1 else block, "block"), block))
    f.finish()
    return window, blocks


def decompress(frame, size, what):
    """The content of exactly one frame, which has exactly `size` bytes."""
    window, blocks = check_frame(frame, size, what)
    most = min(window, MAX_BLOCK)
    content, history = bytearray(), History()
    for kind, block, stands_for in blocks:
        left = size - len(content)
        if kind == 2:
            compressed_block(block, content, min(most, left), most, window, history, what)
        else:
            require(stands_for <= left, f"{what}: frame: more than {size} bytes")
            content += block if kind == 0 else block * stands_for
    require(len(content) == size, f"{what}: frame of {len(content)} bytes, {size} expected")
    return bytes(content)


# 2.3  Compressed blocks

class Backward:
    """Bits from the last byte back to the first; above its highest bit that is set the last byte holds nothing."""

    def __init__(self, data, what):
        require(data and data[-1], f"{what}: frame: a stream without its final 1 bit")
        self.number = int.from_bytes(data, "little")
        self.left = self.number.bit_length() - 1

    def peek(self, count):
        """The next bits, with zeros below where fewer are left."""
        value = self.number & (1 << self.left) - 1
        return value >> self.left - count if count <= self.left else value << count - self.left

    def bits(self, count):
        """The next bits, or `None` if fewer are left."""
        if count > self.left:
            return None
        value = self.peek(count)
        self.left -= count
        return value


class States:
    """A table of finite state entropy: a state is a symbol, and bits and a base that give the next one."""

    def __init__(self, log, frequencies):
        self.log, size = log, 1 << log
        symbols = [symbol for symbol, f in reversed(list(enumerate(frequencies))) if f < 0]
        table = [None] * (size - len(symbols)) + symbols
        at, high = 0, size - len(symbols)
        for symbol, frequency in enumerate(frequencies):
            for _ in range(frequency):
                table[at] = symbol
                at = at + (size >> 1) + (size >> 3) + 3 & size - 1
                while at >= high:
                    at = at + (size >> 1) + (size >> 3) + 3 & size - 1
        following, self.entries = [abs(f) for f in frequencies], []
        for symbol in table:
            bits = log + 1 - following[symbol].bit_length()
            self.entries.append((symbol, bits, (following[symbol] << bits) - size))
            following[symbol] += 1


def read_states(data, most_log, most, what):
    """A table of at most `2^most_log` states and of symbols up to `most`, and the bytes behind it."""
    at = 0

    def bits(count):
        nonlocal at
        at += count
        require(at <= 8 * len(data), f"{what}: frame: a table ends early")
        return int.from_bytes(data, "little") >> at - count & (1 << count) - 1

    log = bits(4) + 5
    require(log <= most_log, f"{what}: frame: a table with too many states")
    frequencies, rest = [], 1 << log
    while rest > 0:
        width = (rest + 1).bit_length() - 1
        short = (2 << width) - 2 - rest
        value = bits(width)
        if value >= short and bits(1):
            value += (1 << width) - short
        frequencies.append(value - 1)
        rest -= abs(value - 1)
        zeros = 3 if value == 1 else 0
        while zeros == 3 and len(frequencies) <= most:
            zeros = bits(2)
            frequencies += [0] * zeros
        require(len(frequencies) <= most + 1, f"{what}: frame: a table with too many symbols")
    return States(log, frequencies), data[(at + 7) // 8:]


class State:
    def __init__(self, table, bits, early):
        self.table, self.at = table, bits.bits(table.log)
        require(self.at is not None, early)

    def symbol(self):
        return self.table.entries[self.at][0]

    def advance(self, bits):
        """Whether there were bits to go on."""
        _, count, base = self.table.entries[self.at]
        value = bits.bits(count)
        self.at = base + (value or 0)
        return value is not None


class Tree:
    """A Huffman code."""

    def __init__(self, weights, what):
        require(max(weights, default=0) <= 11, f"{what}: frame: a Huffman tree with codes that are too long")
        total = sum(1 << w >> 1 for w in weights)
        require(total > 0, f"{what}: frame: a Huffman tree without symbols")
        self.log = total.bit_length()
        require(self.log <= 11, f"{what}: frame: a Huffman tree with codes that are too long")
        rest = (1 << self.log) - total
        require(rest & rest - 1 == 0, f"{what}: frame: a Huffman tree that the last symbol does not complete")
        weights = weights + [rest.bit_length()]
        require(1 in weights, f"{what}: frame: a Huffman tree without a symbol of weight 1")
        self.entries = [
            (symbol, self.log + 1 - weight)
            for weight in range(1, self.log + 1)
            for symbol, w in enumerate(weights) if w == weight
            for _ in range(1 << weight - 1)
        ]

    def decode(self, stream, count, what):
        bits, symbols = Backward(stream, what), bytearray()
        for _ in range(count):
            symbol, code = self.entries[bits.peek(self.log)]
            require(bits.bits(code) is not None, f"{what}: frame: a stream ends early")
            symbols.append(symbol)
        require(bits.left == 0, f"{what}: frame: unread bits in a stream")
        return symbols


def read_tree(data, what):
    """A tree and the bytes behind its description."""
    early = f"{what}: frame: a Huffman tree ends early"
    require(len(data) > 0, early)
    head, data = data[0], data[1:]
    if head > 127:
        count = head - 127
        require(len(data) >= (count + 1) // 2, early)
        weights = [w for byte in data[:(count + 1) // 2] for w in (byte >> 4, byte & 15)][:count]
        return Tree(weights, what), data[(count + 1) // 2:]
    require(len(data) >= head, early)
    table, stream = read_states(data[:head], 6, 11, what)
    bits = Backward(stream, what)
    state, other = State(table, bits, early), State(table, bits, early)
    weights, ended = [], False
    while not ended:
        weights.append(state.symbol())
        ended = not state.advance(bits)
        if ended:
            weights.append(other.symbol())
        require(len(weights) <= 255, f"{what}: frame: a Huffman tree with too many symbols")
        state, other = other, state
    return Tree(weights, what), data[head:]


class History:
    """What a block takes over from the blocks before."""

    def __init__(self):
        self.tree, self.tables, self.latest = None, [None] * 3, [1, 4, 8]

    def offset(self, value, literals, what):
        if value > 3:
            self.latest = [value - 3] + self.latest[:2]
        else:
            place = value - 1 + (literals == 0)
            offset = self.latest[place] if place < 3 else self.latest[0] - 1
            self.latest = [offset] + [o for i, o in enumerate(self.latest) if i != min(place, 2)]
        require(self.latest[0] > 0, f"{what}: frame: an offset of 0")
        return self.latest[0]


def read_literals(block, most, history, what):
    """The literals of a block and the bytes behind them."""
    early = f"{what}: frame: literals end early"
    require(len(block) > 0, early)
    kind, form = block[0] & 3, block[0] >> 2 & 3
    if kind < 2:
        header, skip, width = ((1, 3, 5), (2, 4, 12), (1, 3, 5), (3, 4, 20))[form]
    else:
        header, skip, width = ((3, 4, 10), (3, 4, 10), (4, 4, 14), (5, 4, 18))[form]
    require(len(block) >= header, early)
    fields, block = int.from_bytes(block[:header], "little") >> skip, block[header:]
    count = fields & (1 << width) - 1
    require(count <= most, f"{what}: frame: more literals than a block may hold")
    size = (count, 1, fields >> width, fields >> width)[kind]
    require(len(block) >= size, early)
    coded, block = block[:size], block[size:]
    if kind == 0:
        return coded, block
    if kind == 1:
        return coded * count, block
    if kind == 2:
        history.tree, coded = read_tree(coded, what)
    tree = history.tree
    require(tree is not None, f"{what}: frame: literals reuse a Huffman tree that does not exist")
    if form == 0:
        return tree.decode(coded, count, what), block
    require(len(coded) >= 6, early)
    require(count >= 6, f"{what}: frame: four streams for fewer than 6 literals")
    sizes, coded, literals = struct.unpack("<3H", coded[:6]), coded[6:], bytearray()
    for size in sizes:
        require(len(coded) >= size, early)
        literals += tree.decode(coded[:size], (count + 3) // 4, what)
        coded = coded[size:]
    return literals + tree.decode(coded, count - len(literals), what), block


# Extra bits of the codes of lengths, frequencies of the default tables.
COPIED_BITS = [0] * 16 + [1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]
MATCH_BITS = [0] * 32 + [1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]
COPIED = [4, 3] + [2] * 11 + [1] * 3 + [2] * 9 + [3, 2] + [1] * 5 + [-1] * 4
OFFSETS = [1] * 6 + [2] * 3 + [1] * 15 + [-1] * 5
MATCHES = [1, 4, 3] + [2] * 6 + [1] * 37 + [-1] * 7


def read_length(first, extra, code, bits, early):
    more = bits.bits(extra[code])
    require(more is not None, early)
    return first + sum(1 << b for b in extra[:code]) + more


def compressed_block(block, content, most, most_literals, window, history, what):
    """Appends what a block stands for, at most `most` bytes, to `content`."""
    early, end = f"{what}: frame: sequences end early", len(content) + most
    literals, block = read_literals(block, most_literals, history, what)
    require(len(block) > 0, early)
    width = 1 if block[0] < 128 else 2 if block[0] < 255 else 3
    require(len(block) >= width, early)
    number, block = block[:width], block[width:]
    if width == 1:
        number = number[0]
    elif width == 2:
        number = number[0] - 128 << 8 | number[1]
    else:
        number = 0x7F00 + int.from_bytes(number[1:], "little")
    if number > 0:
        require(len(block) > 0, early)
        modes, block = block[0], block[1:]
        require(modes & 3 == 0, f"{what}: frame: reserved bits of the modes of sequences are set")
        for place, (shift, most_log, log, default, last) in enumerate(
                ((6, 9, 6, COPIED, 35), (4, 8, 5, OFFSETS, 31), (2, 9, 6, MATCHES, 52))):
            mode = modes >> shift & 3
            if mode == 0:
                history.tables[place] = States(log, default)
            elif mode == 1:
                require(len(block) > 0 and block[0] <= last, f"{what}: frame: a table with an unknown symbol")
                history.tables[place], block = States(0, [0] * block[0] + [1]), block[1:]
            elif mode == 2:
                history.tables[place], block = read_states(block, most_log, last, what)
        require(None not in history.tables, f"{what}: frame: sequences reuse a table that does not exist")
        bits = Backward(block, what)
        states = [State(table, bits, early) for table in history.tables]
        for left in reversed(range(number)):
            code = states[1].symbol()
            offset = bits.bits(code)
            require(offset is not None, early)
            length = read_length(3, MATCH_BITS, states[2].symbol(), bits, early)
            copied = read_length(0, COPIED_BITS, states[0].symbol(), bits, early)
            if left:
                require(all([states[place].advance(bits) for place in (0, 2, 1)]), early)
            offset = history.offset((1 << code) + offset, copied, what)
            require(copied <= len(literals), f"{what}: frame: sequences copy more literals than there are")
            require(copied + length <= end - len(content), f"{what}: frame: a block with more content than it may hold")
            content += literals[:copied]
            literals = literals[copied:]
            require(offset <= min(window, len(content)), f"{what}: frame: an offset beyond the window or the content so far")
            for _ in range(length):
                content.append(content[-offset])
        require(bits.left == 0, f"{what}: frame: unread bits in a stream")
    else:
        require(len(block) == 0, f"{what}: frame: bytes after a sequence count of 0")
    require(len(literals) <= end - len(content), f"{what}: frame: a block with more content than it may hold")
    content += literals


def stored(data, shapes, dtype):
    count = sum(map(parameters_of, shapes))
    size = count * np.dtype(dtype).itemsize
    data = decompress(data, size, "stored parameters")
    values, at, networks = np.frombuffer(data, dtype).astype(np.float32), 0, []
    for layers in shapes:
        network = []
        for rows, columns in layers:
            weights = values[at:at + rows * columns].reshape(rows, columns)
            at += rows * columns
            network.append((weights, values[at:at + rows]))
            at += rows
        networks.append(network)
    return networks


# 6.8  Spline fields

class Grid:
    """A grid of latents."""

    def __init__(self, lengths, levels, is_feature, informed):
        self.levels, self.is_feature, self.informed = levels[:len(lengths)], is_feature, informed
        self.lengths = [-(-n >> level) for n, level in zip(lengths, levels)]

    @property
    def level(self):
        """The level along the first two axes."""
        return self.levels[0]

    def part(self, block, side):
        """The part in a block of 2^side samples along each axis."""
        part = copy.copy(self)
        sides = [side - level for level in self.levels]
        part.starts = [at << side for at, side in zip(block, sides)]
        part.lengths = [min(n - start, 1 << side) for n, start, side in zip(self.lengths, part.starts, sides)]
        return part

    def shape(self):
        """Latents along each of four axes, the slowest first."""
        return (self.lengths + [1, 1, 1])[3::-1]


class SplineShape:
    """The header of a spline field."""

    def __init__(self, f, signal):
        levels = f.varint("levels", 0, 0xFFFF)
        context = f.varint("levels of the context model", 0, 0xFFFF)
        informed = f.varint("informed levels", 0, 0xFFFF)
        require(levels != 0 and informed & ~levels == 0, f"{f.what}: levels {levels:#x}, informed {informed:#x}")

        def number(field, low, high):
            value = f.u8(field)
            require(low <= value <= high, f"{f.what}: {field} {value}, expected {low} to {high}")
            return value

        self.layers, self.width = number("hidden layers", 1, 4), number("width", 1, 64)
        self.neighbours, self.combinations = number("neighbours", 1, 12), number("combinations", 0, 8)
        byte = number("shape of tables", 0, 255)
        self.tables, self.blocks = byte & 15, byte >> 4
        require(self.tables <= 8, f"{f.what}: shape of tables {self.tables}, expected at most 8")
        self.lengths, self.outputs = signal.lengths, signal.channels
        axes, self.earlier, delays, slow = len(signal.lengths), 0, [0, 0], []

        def pair(field):
            byte = f.u8(field)
            require(axes > 3 or byte < 16, f"{f.what}: {field} {byte:#x} for {axes} axes")
            return [byte & 15, byte >> 4]

        if axes > 2:
            self.earlier, delays = number("earlier neighbours", 0, 8), pair("delays")
            for _ in range(number("slow series", 0, 4)):
                slow.append((f.varint("levels of slow grids", 1, 0xFFFF), pair("slow levels")))
        # 6.8: coding order.
        self.grids = []
        for mask, further in slow:
            for level in reversed(range(16)):
                if mask >> level & 1:
                    self.grids.append(Grid(signal.lengths, [level, level, *further], True, False))
        for level in reversed(range(16)):
            for mask, is_feature in ((context, False), (levels, True)):
                if mask >> level & 1:
                    from_coarser = is_feature and informed >> level & 1 == 1
                    further = [max(0, level - delay) for delay in delays]
                    self.grids.append(Grid(signal.lengths, [level, level, *further], is_feature, from_coarser))
        alone = any(grid.informed and not self.coarser(number) for number, grid in enumerate(self.grids))
        require(not alone and (informed == 0) == (self.combinations == 0),
                f"{f.what}: informed levels {informed:#x}, {self.combinations} combinations")
        highest = max(level for grid in self.grids for level in grid.levels)
        fits = self.blocks == 0 or (self.blocks >= highest and max(self.lengths) > 1 << self.blocks)
        require(fits, f"{f.what}: blocks of 2^{self.blocks} for level {highest} and lengths {self.lengths}")

    def coarser(self, number):
        """The numbers of the grids that are coarser than grid `number`."""
        own = self.grids[number].levels
        is_coarser = lambda of: of[0] > own[0] and all(a >= b for a, b in zip(of[2:], own[2:]))
        return [other for other, grid in enumerate(self.grids[:number]) if is_coarser(grid.levels)]

    def features(self):
        """The numbers of the feature grids, in the order of the inputs of the network."""
        return [number for number in reversed(range(len(self.grids))) if self.grids[number].is_feature]

    def network(self):
        """The tensors of the filters and the network: what each is, its rows and its columns."""
        levels = [self.grids[number].level for number in self.features()]
        tensors, inputs = [("filters", levels, range(4))], levels
        for layer in range(self.layers):
            tensors += layer_of(f"hidden {layer}", range(self.width), inputs)
            inputs = range(self.width)
        channels = CHANNELS.get(self.outputs, range(self.outputs))
        return tensors + layer_of("last", channels, inputs) + [("skip", channels, levels)]

    def context(self):
        """The tensors of the context model."""
        tensors, earlier = [], [("earlier", n) for n in range(self.earlier)]
        inputs = [*range(self.neighbours), *earlier, *range(12, 12 + self.combinations)]
        grids = [(grid.level, grid.is_feature) for grid in self.grids]
        for number, grid in enumerate(self.grids):
            if grid.informed:
                coarser = [grids[other] for other in self.coarser(number)]
                tensors += layer_of(f"combinations {grid.level}", range(self.combinations), coarser)
        (first, _), second = layer_of("first", inputs, inputs), layer_of("second", inputs, inputs)
        biases = "biases of grids", [(grid, neuron) for grid in grids for neuron in inputs], [0]
        outputs = layer_of("outputs", range(2), inputs) + [("skip of outputs", range(2), inputs)]
        return tensors + [first, biases] + second + outputs

    def usual(self):
        """For each tensor, rows and columns of usual parameters; 0 for those that the usual shape does not have."""
        sizes = self.layers, self.width, self.neighbours, self.combinations
        known = usual_parameters() if len(self.lengths) > 1 and sizes == (2, 16, 12, 4) else {}
        return [np.array([[known.get((what, row, column), 0) for column in columns] for row in rows])
                for what, rows, columns in self.network() + self.context()]


# A picture of one channel is like the green of others; alpha is like nothing.
CHANNELS = {1: ["green"], 2: ["green", "alpha"], 3: ["red", "green", "blue"], 4: ["red", "green", "blue", "alpha"]}


def layer_of(what, rows, columns):
    """Weights and biases."""
    return [(what, rows, columns), (f"biases of {what}", rows, [0])]


@functools.cache
def usual_parameters():
    """Those of the usual shape, by tensor, row and column."""
    header = Fields(bytes([0x7F, 0x70, 0x07, 2, 16, 12, 4, 8]), "usual shape")
    shape = SplineShape(header, Signal(bytes([PICTURE, FORMATS.index("U8"), 3, 1, 1])))
    places = [(what, row, column) for what, rows, columns in shape.network() + shape.context()
              for row in rows for column in columns]
    return dict(zip(places, map(int, Path(__file__).with_name("usual.txt").read_text().split()), strict=True))


def usual_symbol(usual, exponent):
    """The usual parameter in steps of the exponent, rounded."""
    return (usual << exponent + 1 >> 10) + 1 >> 1


def read_tensor(coder, usual):
    """An exponent and symbols, of which the stream has the differences to the usual ones."""
    exponent, context, symbols = coder.range.bits(5), Context(4), []
    for parameter in usual.ravel().tolist():
        symbols.append(usual_symbol(parameter, exponent) + coder.signed(context))
        require(abs(symbols[-1]) <= MAX_MAGNITUDE,
                f"coded parameters: a symbol of {symbols[-1]}, expected at most {MAX_MAGNITUDE}")
    return exponent, np.array(symbols, np.int64).reshape(usual.shape)


def network_tensor(exponent, symbols, most=1024):
    values = symbols.astype(np.float32) * np.float32(2.0**-exponent)
    largest = float(np.abs(values).max())
    require(largest <= most, f"coded parameters: parameter {largest}, expected at most {most}")
    return values


def context_tensor(exponent, symbols):
    require(exponent <= 10, f"coded parameters: exponent {exponent} of the context model, expected at most 10")
    return symbols << 10 - exponent


def read_spline(f, signal):
    shape = SplineShape(f, signal)
    latents = sum(math.prod(grid.lengths) for grid in shape.grids)
    tensors = shape.network() + shape.context()
    ask("parameters", latents + sum(len(rows) * len(columns) for _, rows, columns in tensors), MAX_PARAMETERS)
    first, *streams = read_streams(f, shape)
    blocks = list(blocks_of(shape)) if streams else [shape.grids]
    for grids, stream in zip(blocks, streams or [first], strict=True):
        latents = sum(math.prod(grid.lengths) for grid in grids)
        require(-(-latents >> 16) <= len(stream) + 4, f"coded parameters: {len(stream)} bytes for {latents} latents")
    coder = Magnitudes(first, shape.tables)
    read = [read_tensor(coder, usual) for usual in shape.usual()]
    count = len(shape.network())
    filters = network_tensor(*read[0], 8 if len(shape.lengths) > 2 else 1024)
    network = [filters] + [network_tensor(*tensor) for tensor in read[1:count]]
    model = ContextModel(shape, [context_tensor(*tensor) for tensor in read[count:]])
    if not streams:
        latents = read_latents(coder, shape, model, shape.grids)
    coder.range.finish()
    if streams:
        latents = [np.zeros(grid.shape(), np.int64) for grid in shape.grids]
        for grids, stream in zip(blocks, streams, strict=True):
            coder = Magnitudes(stream, shape.tables)
            for grid, whole, part in zip(grids, latents, read_latents(coder, shape, model, grids), strict=True):
                starts = (grid.starts + [0, 0, 0])[3::-1]
                whole[tuple(slice(at, at + n) for at, n in zip(starts, part.shape))] = part
            coder.range.finish()
    return Spline(shape, network, latents)


def read_streams(f, shape):
    """The stream of everything, or that of the tensors and those of the blocks."""
    if shape.blocks == 0:
        return [f.rest()]
    count = math.prod(-(-n >> shape.blocks) for n in shape.lengths)
    require(count <= len(f.data) - f.at, f"{f.what}: {len(f.data) - f.at} bytes for {count} blocks")
    sizes = [f.varint("size of a stream") for _ in range(count)]
    return [f.take(size, "stream") for size in sizes] + [f.rest()]


def blocks_of(shape):
    """For each block the parts of the grids."""
    for at in itertools.product(*(range(-(-n >> shape.blocks)) for n in reversed(shape.lengths))):
        yield [grid.part(list(reversed(at)), shape.blocks) for grid in shape.grids]


# 6.9  Latents

NEIGHBOURS = [(-1, 0), (0, -1), (-1, -1), (1, -1), (-2, 0), (0, -2), (-2, -1), (2, -1), (-1, -2), (1, -2), (-2, -2), (2, -2)]
# In slices before the one of a latent: (x, y, z, t).
EARLIER = {
    3: [(0, 0, -1, 0), (0, 0, -2, 0), (-1, 0, -1, 0), (1, 0, -1, 0), (0, -1, -1, 0), (0, 1, -1, 0), (-1, -1, -1, 0),
        (1, 1, -1, 0)],
    4: [(0, 0, 0, -1), (0, 0, -1, 0), (0, 0, -1, -1), (-1, 0, -1, 0), (1, 0, -1, 0), (0, -1, -1, 0), (0, 1, -1, 0),
        (0, 0, 0, -2)],
}
MAX_LATENT = (1 << 15) - 1


def read_latents(coder, shape, model, of_block):
    """For each grid of a block its latents along four axes, the first axis fastest."""
    grids = []
    for number, grid in enumerate(of_block):
        times, depth, height, width = grid.shape()
        axes = len(grid.lengths)
        offsets = NEIGHBOURS if axes > 1 else [(-1 - n, 0) for n in range(12)]
        # Inputs of the model, with zeros outside the grid: before and behind each axis as many as are read.
        inputs = np.zeros((2 + times, 2 + depth, 2 + height + 1, 12 + width + 2), np.int64)
        latents = np.zeros(grid.shape(), np.int64)
        for slice_ in itertools.product(range(times), range(depth)):
            combined = combinations(shape, model, (number, grid, slice_), grids)
            own = inputs[2 + slice_[0], 2 + slice_[1]]
            for t in range(width + 3 * (height - 1)):
                y = np.arange(max(-((width - 1 - t) // 3), 0), min(t // 3, height - 1) + 1)
                x = t - 3 * y
                near = [own[2 + y + dy, 12 + x + dx] for dx, dy in offsets[:shape.neighbours]]
                for dx, dy, dz, dt in EARLIER.get(axes, [])[:shape.earlier]:
                    near.append(inputs[2 + slice_[0] + dt, 2 + slice_[1] + dz][2 + y + dy, 12 + x + dx])
                centres, scales = model.predict(number, np.concatenate([near, combined[:, y, x]]))
                for j, (centre, scale) in enumerate(zip(centres, scales)):
                    latents[slice_][y[j], x[j]] = read_latent(coder, int(centre), int(scale))
                own[2 + y, 12 + x] = saturate(latents[slice_][y, x] << 8)
        grids.append(latents)
    return grids


def combinations(shape, model, place, grids):
    """Combinations of the coarser grids at each place of a slice of a grid."""
    number, grid, (t, z) = place
    _, _, height, width = grid.shape()
    if not grid.informed:
        return np.zeros((shape.combinations, height, width), np.int64)
    y, x = np.indices((height, width))
    inputs = []
    for other in shape.coarser(number):
        up = [a - b for a, b in zip(shape.grids[other].levels, grid.levels)] + [0, 0, 0]
        slice_ = grids[other][t >> up[3], z >> up[2]]
        inputs.append(saturate(slice_[y >> up[1], x >> up[0]] << 8).ravel())
    return model.combine(number, np.stack(inputs)).reshape(-1, height, width)


def read_latent(coder, centre, scale):
    nearest = centre + 8 >> 4
    starts = laplace(scale, centre - 16 * nearest)
    listed = len(starts) // 2 - 1
    entry = int(np.searchsorted(starts, coder.range.peek(16), side="right")) - 1
    coder.range.consume(int(starts[entry]), int(starts[entry + 1] - starts[entry]), 16)
    distance = entry - listed
    if abs(distance) == listed:
        distance += coder.beyond() * (1 if distance > 0 else -1)
    latent = nearest + distance
    require(abs(latent) <= MAX_LATENT, f"latents: latent {latent}, expected at most {MAX_LATENT}")
    return latent


# 6.10  Context model

def saturate(x):
    return np.clip(x, -32767, 32767)


class ContextModel:
    """Columns are places; sums fit 32 bits."""

    def __init__(self, shape, tensors):
        tensors, self.combining = iter(tensors), {}
        for number, grid in enumerate(shape.grids):
            if grid.informed:
                self.combining[number] = check_rows(next(tensors)), check_biases(next(tensors))
        self.first, biases = check_rows(next(tensors)), check_biases(next(tensors))
        self.biases = biases.reshape(len(shape.grids), -1, 1)
        self.second, self.second_biases = check_rows(next(tensors)), check_biases(next(tensors))
        last, self.last_biases, skip = next(tensors), check_biases(next(tensors)), next(tensors)
        self.last = check_rows(np.concatenate([last, skip], axis=1))

    def combine(self, number, inputs):
        weights, biases = self.combining[number]
        return saturate(rounded(weights @ inputs + biases))

    def predict(self, number, h0):
        """Centres in sixteenths, and scales."""
        h1 = np.clip(rounded(self.first @ h0 + self.biases[number]) + h0, 0, 32767)
        h2 = np.clip(rounded(self.second @ h1 + self.second_biases) + h1, 0, 32767)
        centres, scales = self.last @ np.concatenate([h2, h0]) + self.last_biases
        return centres + (1 << 13) >> 14, np.clip(scales + (1 << 14) >> 15, 0, 111)


def rounded(sums):
    return sums + (1 << 9) >> 10


def check_rows(weights):
    largest = int(np.abs(weights).sum(axis=1).max())
    require(largest < 1 << 15, f"coded parameters: a row of weights sums to {largest}, expected below {1 << 15}")
    return weights


def check_biases(biases):
    """Biases with the fractional bits of sums."""
    largest = int(np.abs(biases).max())
    require(largest <= 1 << 20, f"coded parameters: a bias of {largest}, expected at most {1 << 20}")
    return biases << 8


# 6.11  Frequencies of latents

LAPLACE = [0xFFD2C2C2, 0xFFD683A7, 0xFFD9F4D7, 0xFFDD1CF0, 0xFFE001FF, 0xFFE2A995, 0xFFE518CA, 0xFFE7544B]


@functools.cache
def tail(scale):
    ratio, values = LAPLACE[scale % 8], [1 << 31]
    for _ in range(13 - scale // 8):
        ratio = ratio * ratio >> 32
    while len(values) < 16 * (listed(scale) + 1):
        values.append(values[-1] * ratio >> 32)
    return values


def listed(scale):
    return min(3 + (1 << scale // 8) // 8, 255)


@functools.cache
def laplace(scale, offset):
    """Where the symbols from -E to E start, and 65536."""
    most, values, starts = listed(scale), tail(scale), [0]
    for d in range(1 - most, most + 1):
        x = 16 * d - 8 - offset
        below = values[-x] >> 16 if x < 0 else 65536 - (values[x] >> 16)
        starts.append(d + most + (below * (65536 - 2 * most - 1) >> 16))
    return np.array(starts + [65536])


# 6.1  NETWORK

def read_field(payload, signal, tiles):
    """The networks of all tiles, or a spline field."""
    f = Fields(payload, "NETWORK section")
    coding = f.u8("coding")
    if coding == 3:
        require(tiles is None, f"{f.what}: splines in tiles, expected no TILES section")
        return read_spline(f, signal)
    tiles = tiles or Tiles(None, signal)
    return Networks(tiles, read_networks(coding, f, signal, tiles))


def read_networks(coding, f, signal, tiles):
    depth = f.u8("hidden layers")
    require(1 <= depth <= 64, f"NETWORK section: {depth} hidden layers, expected 1 to 64")
    shapes = []
    for _ in range(math.prod(tiles.counts)):
        width = f.varint("width", 1, 4096)
        shapes.append([(width, len(signal.lengths))] + [(width, width)] * (depth - 1) + [(signal.channels, width)])
    ask("parameters", sum(map(parameters_of, shapes)), MAX_PARAMETERS)
    if coding > 3:
        f.unknown("coding", coding, "0 to 3")
    if coding == 0:
        networks = quantized(f.rest(), shapes)
    else:
        networks = stored(f.rest(), shapes, "<f2" if coding == 1 else "<f4")
    for network in networks:
        for parameters in (p for layer in network for p in layer):
            bad = parameters[~(np.abs(parameters) <= 2.0**64)]
            name = str(bad[0]).replace("e+", "e").replace("nan", "NaN") if bad.size else ""
            require(bad.size == 0, f"parameter {name}, expected magnitudes up to 2^64")
    return networks


# 7.4  Evaluation, in the arithmetic of numerics.md

def fma(a, b, c):
    """The binary32 nearest to a·b + c. The product is exact in binary64; the sum is rounded to odd where rounding it
    twice could go wrong: halfway between two binary32, or among the subnormals."""
    p = a.astype(np.float64) * b.astype(np.float64)
    c = c.astype(np.float64)
    s = p + c
    risky = (s.view(np.int64) & 0x1FFFFFFF) == 0x10000000
    risky |= np.abs(s) < 2.0**-125
    if risky.any():
        at = np.nonzero(risky)
        ps, cs, ss = np.broadcast_to(p, s.shape)[at], np.broadcast_to(c, s.shape)[at], s[at]
        part = ss - ps
        error = (ps - (ss - part)) + (cs - part)
        bits = ss.view(np.int64)
        away = np.where((error > 0) == (ss > 0), 1, -1)
        bits = bits + np.where((error != 0) & (bits & 1 == 0), away, 0)
        s[at] = bits.view(np.float64)
    with np.errstate(over="ignore"):
        return s.astype(np.float32)


SIN = np.array([0x40491009, 0x4016C8F8, 0x3F2C27D8, 0x3DCF1F12, 0x3C43BA69], np.uint32).view(np.float32)


def sine(t):
    r = t - np.rint(t)
    w = fma(r * np.float32(-4.0), r, np.ones_like(r))
    p = np.full_like(r, SIN[4])
    for coefficient in SIN[3::-1]:
        p = fma(p, w, np.full_like(r, coefficient))
    return (r * w) * p


def evaluate(network, coordinates):
    """`inputs × points` to `outputs × points`."""
    h = coordinates
    for number, (weights, biases) in enumerate(network):
        t = np.repeat(biases[:, None], h.shape[1], axis=1)
        for i in range(weights.shape[1]):
            t = fma(weights[:, i:i + 1], h[i:i + 1], t)
        h = t if number + 1 == len(network) else sine(t)
    return h


# 7.1  Positions

class Axis:
    """`count` samples of a grid from index `first` on, in a grid whose index 0 is at `origin`."""

    def __init__(self, origin, spacing, count, first=0):
        self.origin, self.spacing, self.count, self.first = origin, spacing, count, first
        self.footprint = max(math.ceil(spacing), 1)

    @staticmethod
    def spread(low, high, count):
        spacing = (high - low) / count
        return Axis(low + spacing * 0.5, spacing, count)

    @staticmethod
    def at_rate(length, native, rate):
        spacing = native / rate
        return Axis(0.0, spacing, math.floor((length - 0.5) / spacing) + 1)

    def crop(self, low, high):
        """The samples whose positions are in `low` to before `high`."""
        inside = [i for i in range(self.count) if low <= self.centre(i) < high]
        return Axis(self.origin, self.spacing, len(inside), self.first + inside[0])

    def centre(self, i):
        return self.origin + self.spacing * (self.first + i)

    def positions(self, length):
        """Those of one sample after those of the other."""
        m = self.footprint
        i, j = np.divmod(np.arange(self.count * m), m)
        centres = self.origin + self.spacing * (self.first + i.astype(np.float64))
        if m == 1:
            return centres
        positions = centres + ((j.astype(np.float64) + 0.5) / float(m) - 0.5) * self.spacing
        return np.clip(positions, -0.5, length - 0.5)


def native_grid(signal):
    return [Axis(0.0, 1.0, n) for n in signal.lengths]


def sized_grid(signal, counts):
    return [Axis.spread(-0.5, n - 0.5, count) for n, count in zip(signal.lengths, counts)]


# 7.5  Blending

BLOCK = 512


class Networks:
    """Networks of tiles."""

    def __init__(self, tiles, networks):
        self.tiles, self.networks = tiles, networks

    def values(self, signal, positions):
        """Values on a grid of positions along each axis, the slowest axis first."""
        tiles, axes = self.tiles, len(signal.lengths)
        values = np.zeros([len(p) for p in positions[::-1]] + [signal.channels], np.float32)
        for number, network in enumerate(self.networks):
            box, spans = tiles.box(number), tiles.spans(number)
            slices, coordinates, weights = [], [], []
            for axis, (k, (start, end), span) in enumerate(zip(tiles.index(number), box, spans)):
                first = np.searchsorted(positions[axis], start - 0.5, "left")
                last = np.searchsorted(positions[axis], end - 0.5, "right")
                p = positions[axis][first:last]
                slices.append(slice(first, last))
                coordinates.append(((2.0 * p + 1.0 - float(start + end)) / float(span)).astype(np.float32))
                weights.append(tiles.weight(axis, k, p))
            if any(s.start == s.stop for s in slices):
                continue
            # The slowest axis first, as in `values`.
            x = np.stack([c.ravel() for c in np.meshgrid(*coordinates[::-1], indexing="ij")[::-1]])
            blocks = [evaluate(network, x[:, i:i + BLOCK]) for i in range(0, x.shape[1], BLOCK)]
            where = tuple(slices[::-1])
            value = np.concatenate(blocks, axis=1).T.reshape([s.stop - s.start for s in where] + [signal.channels])
            grids = np.meshgrid(*weights[::-1], indexing="ij")[::-1]
            touches = np.logical_and.reduce([g > 0 for g in grids])
            weight = grids[0]
            for axis in range(1, axes):
                weight = weight * grids[axis]
            target = values[where]
            w = np.repeat(weight[touches][:, None], signal.channels, axis=1)
            target[touches] = fma(w, value[touches], target[touches])
        return values


def render(signal, units, missing, field, grid):
    """Unit values of a grid of an `Axis` per axis, `(height, width, channels)` or `(samples, channels)`."""
    counts, footprints = [a.count for a in grid], [a.footprint for a in grid]
    positions = [a.positions(n) for a, n in zip(grid, signal.lengths)]
    values = field.values(signal, positions)
    if units is not None:
        values = units.apply(values)
    if missing is not None:
        nearest = [np.maximum(np.ceil(p - 0.5), 0.0).astype(np.int64) for p in positions]
        there = missing[(slice(None), *np.ix_(*nearest[::-1]))]
        values[np.broadcast_to(np.moveaxis(there, 0, -1), values.shape)] = NAN
    return means(values, counts, footprints, signal.has_alpha()) if max(footprints) > 1 else values


NAN = np.array([0x7FC00000], np.uint32).view(np.float32)[0]


def means(values, counts, footprints, alpha):
    """The means over the footprints: sums in binary64, the first axis fastest. Colours count by their alpha."""
    sums = np.zeros(list(counts[::-1]) + [values.shape[-1]], np.float64)
    numbers, products, weights = np.zeros_like(sums), np.zeros_like(sums), np.zeros_like(sums[..., :1])
    for offsets in np.ndindex(*footprints[::-1]):
        there = values[tuple(slice(j, None, m) for j, m in zip(offsets, footprints[::-1]))].astype(np.float64)
        exists = ~np.isnan(there)
        complete = exists.all(-1, keepdims=True)
        there = np.where(exists, there, 0.0)
        weight = np.where(complete, np.clip(there[..., -1:], 0.0, 1.0), 0.0)
        sums += there
        numbers += exists
        weights += weight
        products += weight * there
    result = np.where(numbers > 0, sums / np.maximum(numbers, 1.0), np.nan)
    if alpha:
        visible = weights[..., 0] > 0.0
        result[visible, :-1] = products[visible, :-1] / weights[visible]
    return np.where(np.isnan(result), NAN, result.astype(np.float32))


# 7.7  Samples

SCALES = {"U8": (255.0, 0.0, 255.0), "U16": (65535.0, 0.0, 65535.0)}
SCALES |= {f"I{b}": (2.0 ** (b - 1), -(2.0 ** (b - 1)), float(np.float32(2.0 ** (b - 1) - 1))) for b in (8, 16, 24, 32)}


def samples(values, name):
    scale, low, high = (np.float32(x) for x in SCALES[name])
    codes = np.clip(np.rint(values * scale), low, high)
    codes = np.where(np.isnan(codes), np.float32(0.0), codes).astype(np.int64)
    return np.minimum(codes, 2**31 - 1)


# 7.8  Values of splines

def mirror(index, length):
    turn = np.mod(index, 2 * length)
    return np.minimum(turn, 2 * length - 1 - turn)


def coefficients(latents, taps, grid):
    c = latents.astype(np.float32)
    for axis in reversed(range(c.ndim)):
        length = c.shape[axis]
        shifted = [np.take(c, mirror(np.arange(length) + by, length), axis) for by in range(-3, 4)]
        total = taps[0] * c
        for k in (1, 2, 3):
            total = fma(np.full_like(c, taps[k]), shifted[3 - k] + shifted[3 + k], total)
        c = total
    return c * np.float32(2.0 ** (3 - grid.level - sum(grid.levels[2:]) // 2))


SIXTH, TWO_THIRDS, PER_TURN = np.array([0x3E2AAAAB, 0x3F2AAAAB, 0x3E22F983], np.uint32).view(np.float32)


def basis(position, level):
    """The first of four coefficients that a position sees, and their weights."""
    u = (position + 0.5) * 2.0**-level - 0.5
    cell = np.floor(u)
    t = (u - cell).astype(np.float32)
    s = np.float32(1.0) - t
    middle = lambda x: fma(x * x, fma(x, np.full_like(x, 0.5), np.full_like(x, -1.0)), np.full_like(x, TWO_THIRDS))
    return cell.astype(np.int64) - 1, [s * s * s * SIXTH, middle(t), middle(s), t * t * t * SIXTH]


def feature(c, positions, levels):
    """The spline of coefficients on a grid of positions along each axis, the slowest axis first."""
    for axis, position, level in zip(reversed(range(c.ndim)), positions, levels):
        first, weights = basis(position, level)
        along = [-1 if a == axis else 1 for a in range(c.ndim)]
        total = np.float32(0.0)
        for j, weight in enumerate(weights):
            taken = np.take(c, mirror(first + j, c.shape[axis]), axis)
            total = fma(weight.reshape(along), taken, total)
        c = total
    return c


def activation(t):
    return fma(sine(t), np.full_like(t, PER_TURN), t)


class Spline:
    """Coefficients of the features with their levels, and layers as pairs of weights and biases."""

    def __init__(self, shape, tensors, latents):
        taps, *dense, skip = tensors
        self.layers = [(weights, biases[:, 0]) for weights, biases in zip(dense[::2], dense[1::2])]
        weights, biases = self.layers[-1]
        self.layers[-1] = np.concatenate([weights, skip], axis=1), biases
        self.features = []
        for number, (a, *others) in zip(shape.features(), taps):
            grid, taps_of_grid = shape.grids[number], [np.float32(1.0) + a, *others]
            values = latents[number].reshape(grid.lengths[::-1])
            self.features.append((coefficients(values, taps_of_grid, grid), grid.levels))

    def values(self, signal, positions):
        features = np.stack([feature(c, positions, levels).ravel() for c, levels in self.features])
        blocks = []
        for i in range(0, features.shape[1], BLOCK):
            block = h = features[:, i:i + BLOCK]
            for weights, biases in self.layers[:-1]:
                h = activation(evaluate([(weights, biases)], h))
            blocks.append(evaluate(self.layers[-1:], np.concatenate([h, block])))
        counts = [len(p) for p in positions[::-1]]
        return np.concatenate(blocks, axis=1).T.reshape(counts + [signal.channels])


def read(data):
    """The signal, its units, its missing samples, and its field."""
    sections = split(data)
    signal = Signal(sections[SIGNAL])
    tiles = Tiles(sections[TILES], signal) if TILES in sections else None
    if METADATA in sections:
        read_metadata(sections[METADATA])
    units = Units(sections[UNITS], signal) if UNITS in sections else None
    missing = read_missing(sections[MISSING], signal) if MISSING in sections else None
    require(NETWORK in sections, ".siren: no NETWORK section")
    return signal, units, missing, read_field(sections[NETWORK], signal, tiles)


def decode(data, grid=native_grid):
    """The signal and its unit values on a grid, which a function gives for it."""
    signal, units, missing, field = read(data)
    axes = grid(signal)
    ask("samples of the rendering", math.prod(a.count for a in axes) * signal.channels, MAX_SAMPLES)
    return signal, render(signal, units, missing, field, axes)


# Files

def png(codes, bits):
    height, width, channels = codes.shape
    rows = codes.astype(">u2" if bits == 16 else ">u1").reshape(height, -1)
    raw = b"".join(b"\0" + row.tobytes() for row in rows)

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, bits, {1: 0, 2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")


def pnm(codes, bits):
    height, width, channels = codes.shape
    if channels not in (1, 3):
        raise Unsupported("alpha in PNM; write PNG")
    header = f"P{5 if channels == 1 else 6}\n{width} {height}\n{2**bits - 1}\n".encode()
    return header + codes.astype(">u2" if bits == 16 else ">u1").tobytes()


def write_wav(path, codes, bits, rate):
    if bits == 8:
        body = (codes + 128).astype("<u1").tobytes()
    elif bits == 24:
        body = codes.astype("<i4").reshape(-1, 1).view("<u1")[:, :3].tobytes()
    else:
        body = codes.astype(f"<i{bits // 8}").tobytes()
    with wave.open(path, "wb") as out:
        out.setnchannels(codes.shape[1])
        out.setsampwidth(bits // 8)
        out.setframerate(rate)
        out.writeframes(body)


def main(arguments):
    raw = "--f32" in arguments
    paths = [a for a in arguments if a != "--f32"]
    try:
        counts = None
        if "--size" in paths:
            at = paths.index("--size")
            counts = [int(n) for n in paths[at + 1].split("x")]
            del paths[at:at + 2]
        if len(paths) != 2 or min(counts or [1]) < 1:
            raise ValueError
    except (ValueError, IndexError):
        sys.exit(__doc__)
    with open(paths[0], "rb") as file:
        data = file.read()
    try:
        if counts and len(counts) != len(read(data)[0].lengths):
            raise Unsupported(f"a size of {len(counts)} numbers for another number of axes")
        signal, values = decode(data, (lambda s: sized_grid(s, counts)) if counts else native_grid)
        if raw:
            body = values.astype("<f4").tobytes()
        elif signal.format == "F32":
            raise Unsupported("float samples are written with --f32 only")
        elif signal.kind not in (PICTURE, SOUND):
            raise Unsupported(f"a {KINDS[signal.kind]} is written with --f32 only")
        else:
            codes, bits = samples(values, signal.format), int(signal.format[1:])
            if signal.kind == SOUND:
                return write_wav(paths[1], codes, bits, signal.rate[0])
            body = pnm(codes, bits) if paths[1].lower().endswith((".ppm", ".pgm", ".pnm")) else png(codes, bits)
    except (Malformed, Unsupported, Limit) as error:
        sys.exit(f"{paths[0]}: {error}")
    with open(paths[1], "wb") as out:
        out.write(body)


if __name__ == "__main__":
    main(sys.argv[1:])
