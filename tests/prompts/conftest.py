"""A product and the project's own templates."""

from pathlib import Path
from typing import Any

import pytest

from tasks.catalog.product import Product
from tasks.prompts.library import Library, load_library

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"


def make_product(**fields: Any) -> Product:
    known = {"sku": "QY-001", "title": "水润精华", "image": "a.png", "image_sha256": "0" * 64, "category": "skincare"}
    return Product.model_validate(known | fields)


@pytest.fixture(scope="session")
def library() -> Library:
    return load_library(TEMPLATES)


@pytest.fixture
def product() -> Product:
    return make_product()
