"""Which values are pictures, and that what is sent looks as a person sees it."""

from __future__ import annotations

import io
import subprocess
import sys
import zlib

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image, ImageCms

from glm_magic.core.attachments import LONGEST_SIDE, MOST_BYTES, MOST_THUMBNAIL_BYTES
from glm_magic.core.errors import GlmError, InvalidValueError
from glm_magic.pictures.values import attachment_of, picture_of
from tests.memory import PEAK
from tests.pictures.conftest import noise

mpl.use("Agg")
import matplotlib.pyplot as plt

PNG = b"\x89PNG\r\n\x1a\n"
EMPTY_CHUNK = bytes(4) + b"teXt" + zlib.crc32(b"teXt").to_bytes(4)


def pixels(attachment):
    with Image.open(io.BytesIO(attachment.data)) as image:
        assert image.mode in ("L", "RGB")
        assert (attachment.width, attachment.height) == image.size
        assert attachment.size == len(attachment.data) <= MOST_BYTES
        return np.asarray(image)


@pytest.fixture
def figure():
    figure, axes = plt.subplots()
    axes.plot([1, 3, 2])
    yield figure
    plt.close(figure)


def test_a_figure_and_its_parts_are_drawn_as_they_are_shown(figure):
    file = io.BytesIO()
    figure.savefig(file, format="png")
    expected = np.asarray(Image.open(file).convert("RGB"))
    for value in (figure, figure.axes[0], figure.axes[0].lines[0]):
        assert np.array_equal(pixels(picture_of(value, "fig")), expected)


def test_a_figure_that_was_closed_is_still_a_picture(figure):
    before = pixels(picture_of(figure, "fig"))
    plt.close(figure)
    assert np.array_equal(pixels(picture_of(figure, "fig")), before)


def test_a_part_of_a_figure_is_the_whole_of_it(figure):
    parts = figure.subfigures(1, 2)
    assert picture_of(parts[0], "part").hash == picture_of(figure, "fig").hash


def test_a_large_figure_is_drawn_small_enough():
    figure = plt.figure(figsize=(40, 10), dpi=300)
    attachment = picture_of(figure, "fig")
    assert max(attachment.width, attachment.height) <= LONGEST_SIDE
    plt.close(figure)


@pytest.mark.parametrize("channels", [1, 3])
def test_bytes_are_colours(channels):
    array = noise(60, 70, channels)
    assert np.array_equal(pixels(picture_of(array, "a")), array)


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_fractions_up_to_one_are_colours(kind):
    levels = noise(60, 70)
    assert np.array_equal(pixels(picture_of((levels / 255).astype(kind), "a")), levels)


@pytest.mark.parametrize("kind", [np.int64, np.uint32, np.int16])
def test_integers_up_to_255_are_colours(kind):
    assert np.array_equal(pixels(picture_of(noise(60, 70).astype(kind), "a")), noise(60, 70))


def test_other_numbers_run_from_black_to_white_and_it_is_said():
    field = np.linspace(-3, 5, 40 * 50).reshape(40, 50)
    attachment = picture_of(field, "field")
    levels = pixels(attachment)
    assert (levels.min(), levels.max()) == (0, 255)
    assert str(attachment.remark) == "black is -3, white is 5"


def test_what_is_no_number_is_black():
    field = np.ones((40, 50))
    field[0, 0], field[0, 1] = np.nan, 0
    assert pixels(picture_of(field, "field"))[0, 0] == 0


def test_sixteen_bits_become_eight():
    array = noise(40, 50).astype(np.uint16) * 257
    assert np.array_equal(pixels(picture_of(array, "a")), noise(40, 50))
    image = Image.fromarray(array[:, :, 0])
    near = np.abs(pixels(picture_of(image, "i")).astype(int) - noise(40, 50)[:, :, 0])
    assert near.max() <= 1


def test_truths_are_black_and_white():
    array = noise(40, 50, 1) > 128
    assert np.array_equal(pixels(picture_of(array, "a")), array * np.uint8(255))


@pytest.mark.parametrize(
    "value",
    [
        np.eye(3),
        np.zeros((2000, 4)),
        np.zeros((40, 50, 7)),
        np.array([[object()] * 50] * 50),
        np.array(["a"] * 4000).reshape(40, 100),
        np.zeros(5000),
        "picture.png",
        {"a": 1},
        plt,
    ],
)
def test_what_is_no_picture_stays_a_text(value):
    assert picture_of(value, "x") is None


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (np.array([[object()] * 50] * 50), "object"),
        (np.zeros((3, 4, 7)), "3 × 4 × 7"),
        (np.full((40, 50), np.nan), "no number"),
        (np.full((40, 50, 3), 300.0), "from 300 to 300"),
        (np.zeros((0, 50)), "0 × 50"),
        ([1, 2], "list cannot be attached"),
        (None, "NoneType"),
        (b"", "no picture"),
        (b"hello", "no picture"),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_what_cannot_be_attached_is_refused_with_the_reason(value, reason):
    with pytest.raises(InvalidValueError, match=reason):
        attachment_of(value)


@pytest.mark.parametrize(
    "mode",
    ["1", "L", "P", "PA", "RGB", "RGBA", "LA", "CMYK", "YCbCr", "I", "F", "I;16", "LAB", "HSV"],
)
def test_every_mode_of_an_image_becomes_grey_or_colour(mode):
    assert pixels(picture_of(Image.new(mode, (50, 40)), "image")).shape[:2] == (40, 50)


def test_transparency_is_white_and_the_users_own_image_stays_as_it_is():
    image = Image.new("RGBA", (40, 30), (255, 0, 0, 0))
    image.putpixel((0, 0), (0, 0, 255, 255))
    image.info["note"] = "mine"
    sent = pixels(picture_of(image, "image"))
    assert tuple(sent[0, 0]) == (0, 0, 255)
    assert tuple(sent[5, 5]) == (255, 255, 255)
    assert image.mode == "RGBA"
    assert image.info["note"] == "mine"


def test_a_palette_with_a_transparent_colour_is_white_there():
    image = Image.new("P", (40, 30), 0)
    image.putpalette([0, 0, 0, 9, 9, 9])
    image.info["transparency"] = 0
    assert tuple(pixels(picture_of(image, "image"))[0, 0]) == (255, 255, 255)


def test_another_colour_profile_becomes_srgb():
    image = Image.fromarray(noise(40, 50))
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image.info["icc_profile"] = srgb
    assert np.abs(pixels(picture_of(image, "i")).astype(int) - noise(40, 50)).max() <= 1
    image.info["icc_profile"] = lab.tobytes()  # one that does not fit is passed over
    assert np.array_equal(pixels(picture_of(image, "i")), noise(40, 50))


def test_of_moving_pictures_one_frame_is_sent_and_it_is_said():
    frames = [Image.new("L", (40, 30), level) for level in (0, 100, 200)]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    attachment = attachment_of(file.getvalue())
    assert pixels(attachment).max() == 0
    assert str(attachment.remark) == "one of its frames"
    image = Image.open(file)
    image.seek(2)
    assert pixels(picture_of(image, "gif")).min() == 200


def test_what_a_notebook_displays_is_a_picture():
    from IPython.display import Image as Display

    file = io.BytesIO()
    Image.fromarray(noise(30, 40)).save(file, "PNG")
    assert np.array_equal(pixels(picture_of(Display(data=file.getvalue()), "i")), noise(30, 40))
    assert picture_of(Display(url="https://example.org/a.png"), "i").url.startswith("https://")


def test_a_large_picture_is_made_smaller_and_it_is_said():
    attachment = picture_of(np.zeros((100, 4096, 3), np.uint8), "wide")
    assert (attachment.width, attachment.height) == (LONGEST_SIDE, 50)
    assert str(attachment.remark) == "made smaller, from 4,096 × 100 pixels"


def test_a_large_photo_says_its_own_size():
    file = io.BytesIO()
    Image.new("RGB", (6000, 3000), "red").save(file, "JPEG")
    attachment = attachment_of(file.getvalue())
    assert (attachment.width, attachment.height) == (LONGEST_SIDE, 1024)
    assert attachment.media_type == "image/jpeg"
    assert str(attachment.remark) == "made smaller, from 6,000 × 3,000 pixels"


def test_a_file_of_countless_pieces_is_refused():
    for data in (b"\xff\xd8" + b"\xff\xe5\x00\x02" * 2_000_000, PNG + EMPTY_CHUNK * 1_000_000):
        with pytest.raises(InvalidValueError):
            attachment_of(data)


def test_a_picture_that_png_would_make_too_large_is_a_jpeg():
    attachment = picture_of(noise(2048, 2048), "noise")
    assert attachment.media_type == "image/jpeg"
    assert pixels(attachment).shape == (2048, 2048, 3)


@pytest.mark.parametrize("size", [(10, 10), (700, 900)])
def test_a_thumbnail_is_small(size):
    attachment = picture_of(Image.fromarray(noise(*size)), "image")
    assert 0 < len(attachment.thumbnail) <= MOST_THUMBNAIL_BYTES
    assert max(Image.open(io.BytesIO(attachment.thumbnail)).size) <= 256


def test_a_picture_that_says_it_has_billions_of_pixels_is_not_opened():
    bomb = Image.new("1", (1, 1))
    file = io.BytesIO()
    bomb.save(file, "PNG")
    data = bytearray(file.getvalue())
    data[16:24] = (60_000).to_bytes(4) * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4)
    with pytest.raises(InvalidValueError, match="more than 120,000,000 pixels"):
        attachment_of(bytes(data))


MEASURE = """
import io, sys
import numpy as np
from PIL import Image
from glm_magic.pictures.values import attachment_of
file = io.BytesIO()
grey = np.tile(np.arange(250, dtype=np.uint8), (6000, 34))[:, :8400]
Image.fromarray(grey).convert("RGB").save(file, sys.argv[1])
attachment = attachment_of(file.getvalue())
print(attachment.width, attachment.height, peak_mb())
"""


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_fifty_megapixels_cost_bounded_memory(form):
    """It takes little more than the 200 MB of its own pixels, as Pillow holds them."""
    run = subprocess.run(
        [sys.executable, "-c", PEAK + MEASURE, form], capture_output=True, text=True, check=True
    )
    width, height, peak_mb = map(float, run.stdout.split())
    assert (width, height) == (2048, 1463)
    assert 200 < peak_mb < 600


@pytest.mark.parametrize("size", [0, 3, 50, 200, 1000])
def test_any_bytes_are_a_picture_or_a_reason(size):
    random = np.random.default_rng(size)
    file = io.BytesIO()
    Image.fromarray(noise(20, 20)).save(file, "PNG" if size % 2 else "JPEG")
    for _ in range(200):
        data = bytearray(file.getvalue())
        for at in random.integers(0, len(data), 3):
            data[at] = random.integers(256)
        try:
            attachment_of(bytes(data))
        except GlmError:
            continue


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("https://", "no address"),
        ("http:///cat.png", "no address"),
        ("https://[::1/cat.png", "no address"),
        ("https://ada:secret@example.org/cat.png", "a login"),
    ],
)
def test_an_address_that_cannot_be_sent_is_refused(address, reason):
    with pytest.raises(InvalidValueError, match=reason) as caught:
        attachment_of(address)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "kind", "name"),
    [
        ("https://example.org/a%20cat.png?size=9", "picture", "a cat.png"),
        ("HTTPS://example.org", "picture", "example.org"),
        ("http://example.org/paper.PDF", "file", "paper.PDF"),
        ("https://example.org/film.mp4#t=3", "video", "film.mp4"),
    ],
)
def test_an_address_tells_what_it_is_by_its_ending(address, kind, name):
    attachment = attachment_of(address)
    assert (attachment.kind, attachment.name, attachment.url) == (kind, name, address)
    assert attachment.is_there
