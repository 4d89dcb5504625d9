import numpy as np

from tasks.banners.white import beyond_product, on_pure_white
from tasks.shapes import Box
from tests.banners.drawn import draw_master


def test_grey_and_shadow_around_the_product_become_white() -> None:
    master = draw_master("white")
    dirty = master.pixels.copy()
    dirty[master.alpha == 0] = 240
    dirty[216:222][master.alpha[216:222] == 0] = 170
    clean = on_pure_white(dirty, master.product_box, master.alpha)
    assert (clean[master.alpha == 0] == 255).all()


def test_a_white_product_is_not_eaten() -> None:
    master = draw_master("white")
    pale = np.full_like(master.pixels, 255)
    pale[master.alpha == 255] = 251
    clean = on_pure_white(pale, master.product_box, master.alpha)
    assert (clean[master.alpha == 255] == 251).all()


def test_edge_pixels_exchange_their_share_of_grey_for_white() -> None:
    alpha = np.zeros((20, 20), np.uint8)
    alpha[5:15, 5:15] = 255
    alpha[5:15, 4] = 128
    share = alpha[..., None] / 255
    on_grey = np.rint(40 * share + 200 * (1 - share)).repeat(3, axis=2).astype(np.uint8)
    on_white = np.rint(40 * share + 255 * (1 - share)).repeat(3, axis=2)
    clean = on_pure_white(on_grey, Box(4, 5, 15, 15), alpha)
    assert np.abs(clean - on_white).max() <= 1


def test_without_a_matte_the_products_box_stays_and_the_rest_is_white() -> None:
    master = draw_master("white")
    dirty = np.full_like(master.pixels, 240)
    clean = on_pure_white(dirty, master.product_box, None)
    box = master.product_box
    assert (clean[box.top : box.bottom, box.left : box.right] == 240).all()
    assert (clean == 240).sum() == box.width * box.height * 3


def test_beyond_the_product_keeps_its_distance() -> None:
    alpha = np.zeros((40, 40), np.uint8)
    alpha[20, 20] = 1
    beyond = beyond_product(alpha, margin=3)
    assert (~beyond).sum() == 7 * 7
    assert not beyond[17, 17]
    assert beyond[16, 20]
