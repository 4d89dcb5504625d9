"""What banners need, as `shangxin doctor` looks at it: fonts, characters of the copy, logos, file formats, profiles."""

from collections.abc import Iterator
from pathlib import Path

from flows.diagnosis import Diagnosis
from tasks.banners.formats import written_formats
from tasks.banners.profile import colour_engine
from tasks.banners.typography.characters import EVERYDAY
from tasks.banners.typography.fonts import FontBook
from tasks.catalog.read import read_products
from tasks.delivery.labels import FONT, check_wording, wording_of
from tasks.dressing import FONTS, logo_ratio
from tasks.lettering import Lettering
from tasks.workplace import Workplace

SAMPLE = "catalogs/sample/products.csv"


def look_at_fonts(workplace: Workplace) -> Iterator[Diagnosis]:
    """Every family in two weights, and the characters of everyday print in each."""
    templates = workplace.settings.templates
    book = FontBook(templates / FONTS)
    for family, weight, face in book.faces():
        wanted = frozenset() if family == "latin" else EVERYDAY
        lacking = "".join(map(chr, sorted(wanted - face.covered)))
        text = f"{face.path.name}: {len(face.covered):,} characters"
        if lacking:
            text += f", without {lacking[:20]} ({len(lacking)} of everyday print). Restore it from the project."
        yield Diagnosis(f"font {family} {weight}", "missing" if lacking else "ok", text)
    for locale in ("zh-CN", "en"):
        check_wording(wording_of(locale), templates / FONT)
    yield Diagnosis("font of the visible mark", "ok", Path(FONT).name)
    large = next(book.system_faces("bold"), None)
    rare = f"{large.path}: {len(large.covered):,} characters" if large else "none: apt-get install fonts-noto-cjk"
    yield Diagnosis("font for rare characters", "ok" if large else "note", rare)


def look_at_copy(workplace: Workplace, catalog: str) -> Iterator[Diagnosis]:
    """Whether every element of the catalogue's copy can be set."""
    catalog = catalog or (SAMPLE if Path(SAMPLE).is_file() else "")
    if not catalog:
        return
    lettering = Lettering(workplace)
    products = read_products(workplace.source(catalog), images=workplace.images(catalog), on_bad=lambda row: None)
    unset = [each for product in products for each in lettering.unset(product)]
    for each in unset[:5]:
        outcome = "banners are refused" if each.essential else "it is left out"
        where = f"{catalog}, line {each.line} ({each.sku}, {each.locale})"
        yield Diagnosis("copy", "note", f"{where}: {each.element} {each.reason}; {outcome}")
    if len(unset) > 5:
        yield Diagnosis("copy", "note", f"{len(unset) - 5} more; all: `shangxin lint {catalog}`")
    if not unset:
        yield Diagnosis("copy", "ok", f"{catalog}: the fonts here have every character of it")


def look_at_logos(workplace: Workplace) -> Iterator[Diagnosis]:
    """Brands whose logo cannot be used."""
    with_logo = [brand for brand in workplace.library.brands.values() if brand.logo]
    problems = {brand.id: logo_ratio(workplace.settings.templates / brand.logo)[1] for brand in with_logo}
    for brand, problem in problems.items():
        if problem:
            yield Diagnosis(f"logo {brand}", "note", f"{problem}; the brand's name is set instead")
    if not any(problems.values()):
        yield Diagnosis("logos", "ok", f"{len(with_logo)} of {len(workplace.library.brands)} brands have one")


def look_at_formats(_: Workplace) -> Iterator[Diagnosis]:
    """Every format that placements can ask for, written and read back with its profile."""
    for form, problem in written_formats():
        text = problem or "written, read back, sRGB inside"
        yield Diagnosis(f"format {form}", "missing" if problem else "ok", text)
    yield Diagnosis("colour profiles", "ok", colour_engine())
