"""Files: pictures as they lie on the disk, texts, documents, and what is none of these."""

from __future__ import annotations

import io
import os
import sys

import numpy as np
import pytest
from PIL import Image

import glm_magic as glm
from glm_magic.core.errors import InvalidValueError, UnavailableError
from glm_magic.pictures import pillow
from glm_magic.pictures.headers import read_header
from glm_magic.pictures.values import attachment_of, picture_of
from tests.pictures.conftest import at_zai, noise, seen

SECRET = b"taken at 48.8584 N, 2.2945 E"


def jpeg(path, orientation=1, **options):
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010E] = SECRET.decode()
    Image.fromarray(noise(40, 60)).save(path, exif=exif, comment=SECRET, quality=95, **options)
    return path


@pytest.fixture
def hide_pillow(monkeypatch):
    def hide():
        monkeypatch.setitem(sys.modules, "PIL.Image", None)
        monkeypatch.setitem(sys.modules, "PIL", None)

    return hide


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("as_text", [False, True])
def test_a_jpeg_goes_as_it_is_without_what_the_camera_noted(folder, progressive, as_text):
    path = jpeg(folder / "photo.jpg", progressive=progressive)
    attachment = attachment_of(str(path) if as_text else path)
    assert (attachment.name, attachment.media_type) == ("photo.jpg", "image/jpeg")
    assert SECRET not in attachment.data
    assert np.array_equal(
        np.asarray(Image.open(io.BytesIO(attachment.data))), np.asarray(Image.open(path))
    )


def test_a_png_goes_as_it_is_without_its_notes(folder):
    from PIL.PngImagePlugin import PngInfo

    notes = PngInfo()
    notes.add_text("Comment", SECRET.decode())
    path = folder / "plot.png"
    Image.fromarray(noise(40, 60)).save(path, pnginfo=notes)
    attachment = attachment_of(path)
    assert SECRET not in attachment.data
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(attachment.data))), noise(40, 60))


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_picture_is_sent_upright(folder, orientation):
    from PIL import ImageOps

    path = jpeg(folder / "photo.jpg", orientation)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(path)))
    sent = np.asarray(Image.open(io.BytesIO(attachment_of(path).data)))
    assert sent.shape == expected.shape
    assert np.abs(sent.astype(int) - expected).mean() < 8  # it was encoded once more


def test_a_path_in_braces_is_a_picture_where_there_is_one(folder):
    path = jpeg(folder / "photo.jpg")
    assert picture_of(path, "path").name == "photo.jpg"
    assert picture_of(folder / "none.png", "path") is None
    assert picture_of(folder, "path") is None
    (folder / "notes.txt").write_text("hello")
    assert picture_of(folder / "notes.txt", "path") is None


def test_a_text_file_joins_the_prompt(folder, server):
    (folder / "notes.md").write_text("\ufeff# Notes\n```py\n1\n```\n", encoding="utf-8")
    (folder / "drawing.svg").write_text("<svg/>")
    glm.ask("Sum up.", attach=["notes.md", folder / "drawing.svg"], **at_zai(server, "glm-4.6"))
    assert server.last.json["messages"] == [
        {
            "role": "user",
            "content": "notes.md:\n````\n# Notes\n```py\n1\n```\n````\n\n"
            "drawing.svg:\n```\n<svg/>\n```\n\nSum up.",
        }
    ]


def test_a_text_file_and_a_picture_go_together(folder, server):
    (folder / "notes.md").write_text("Notes")
    glm.ask("?", attach=["notes.md", noise(30, 30)], **at_zai(server))
    types = [part["type"] for part in server.last.json["messages"][0]["content"]]
    assert types == ["image_url", "text"]
    assert np.array_equal(seen(server)[0], noise(30, 30))


def make(folder, kind):
    path = folder / f"{kind}.png"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "text":
        path.write_text("this is not a picture")
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "binary":
        path.write_bytes(bytes(range(256)))
    return path


@pytest.mark.parametrize("kind", ["folder", "pipe", "text", "empty", "binary", "missing"])
def test_what_is_no_picture_is_refused(folder, kind):
    with pytest.raises(InvalidValueError) as caught:
        attachment_of(make(folder, kind))
    assert f"{kind}.png" in str(caught.value)
    assert str(folder) not in str(caught.value)


@pytest.mark.parametrize("name", ["photo.jpg", "progressive.jpg", "plot.png"])
@pytest.mark.parametrize("pillow_there", [True, False])
def test_a_file_that_is_cut_off_is_refused(folder, name, pillow_there, hide_pillow):
    if name.endswith("jpg"):
        data = jpeg(folder / name, progressive=name == "progressive.jpg").read_bytes()
    else:
        Image.fromarray(noise(40, 60)).save(folder / name)
        data = (folder / name).read_bytes()
    if not pillow_there:
        hide_pillow()
    for length in (20, len(data) // 3, len(data) - 40):
        (folder / name).write_bytes(data[:length])
        with pytest.raises(InvalidValueError, match=rf"{name} is (?:broken|no picture)"):
            attachment_of(folder / name)


def test_what_can_go_as_it_is_needs_no_pillow(folder, hide_pillow):
    Image.fromarray(noise(40, 60)).save(folder / "plot.png")
    hide_pillow()
    assert not pillow.is_installed()
    attachment = attachment_of("plot.png")
    assert (attachment.width, attachment.height) == (60, 40)
    assert attachment.thumbnail in (attachment.data, b"")


@pytest.mark.parametrize("kind", ["turned", "large", "gif", "array", "alpha"])
def test_without_pillow_the_command_to_install_it_is_named(folder, kind, hide_pillow):
    values = {
        "turned": lambda: jpeg(folder / "a.jpg", 6),
        "large": lambda: _saved(folder / "a.png", Image.new("L", (3000, 10))),
        "gif": lambda: _saved(folder / "a.gif", Image.new("L", (30, 10))),
        "alpha": lambda: _saved(folder / "a.png", Image.new("RGBA", (30, 10))),
        "array": lambda: noise(40, 50),
    }
    value = values[kind]()
    hide_pillow()
    with pytest.raises(UnavailableError) as caught:
        attachment_of(value)
    assert caught.value.hint == 'install it: pip install "glm-magic[pictures]"'


def _saved(path, image):
    image.save(path)
    return path


def test_a_file_that_is_too_large_is_refused(folder, monkeypatch):
    from glm_magic.pictures import values

    monkeypatch.setattr(values, "MOST_FILE_BYTES", 1000)
    (folder / "a.png").write_bytes(b"x" * 1001)
    with pytest.raises(InvalidValueError, match=r"a\.png cannot be attached: it is larger"):
        attachment_of("a.png")


def test_the_header_of_another_format_is_not_read():
    assert read_header(b"GIF89a") is None
    assert read_header(b"") is None


@pytest.mark.parametrize("name", ["~nobody-here/a.png", "a\0.png", "x" * 300 + ".png", ""])
def test_an_odd_path_is_refused_like_a_missing_one(folder, name):
    with pytest.raises(InvalidValueError, match="cannot be attached"):
        attachment_of(name)
