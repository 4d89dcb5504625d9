"""The template language is closed: what is not in it is refused with file, part and expression."""

import pytest

from tasks.errors import TemplateError
from tasks.prompts.language import ENVIRONMENT, Variable, combine, read_snippet

CONSTANTS = {"scene": {"id": "beach", "title": "海滩"}, "brand": {"id": "", "title": ""}}
WHERE = 'scene "beach" part "surface" (templates/scenes/beach.yaml)'


def render(source: str, **values: object) -> str:
    snippet = read_snippet(source, where=WHERE, constants=CONSTANTS)
    flat = {v.flat: values[v.key] for v in snippet.variables if v.key in values}
    return ENVIRONMENT.from_string(combine([snippet], "")).render(flat)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("细沙", "细沙"),
        ("{{ product.color }}台面", "粉色台面"),
        ('{{ product["color"] }}台面', "粉色台面"),
        ('{{ extra["产 地"] }}', "杭州"),
        ("{{ product.季节 }}", "秋"),
        ("{% if product.material %}{{ product.material }}{% else %}石{% endif %}", "石"),
        ("{{ product.material|default('木') }}", "木"),
        ("{{ product.nowhere|default('无') }}", "无"),
        ("{% if product.nowhere is defined %}有{% else %}无{% endif %}", "无"),
        ("{{ product.selling_points }}", "轻、薄"),
        ("{{ product.selling_points|join('/') }}", "轻/薄"),
        ("{% for point in product.selling_points %}{{ loop.index }}{{ point }}{% endfor %}", "1轻2薄"),
        ("{{ '贵' if product.price > 100 else '平' }}", "贵"),
        ("{{ product.price|int }}", "128"),
        ("{% for product_color in product.selling_points %}{{ product.color }}{% endfor %}", "粉色粉色"),
        ("{{ scene.title ~ '的' ~ product.color }}", "海滩的粉色"),
        ("{% if scene.id in ('beach', 'snow') and not brand.id %}是{% endif %}", "是"),
    ],
)
def test_what_the_language_offers(source: str, text: str) -> None:
    values = {
        "color": "粉色",
        "material": "",
        "产 地": "杭州",
        "季节": "秋",
        "price": 128.6,
        "selling_points": ("轻", "薄"),
    }
    assert render(source, **values) == text


@pytest.mark.parametrize(
    ("source", "expression"),
    [
        ("{{ product.__class__ }}", "product.__class__"),
        ("{{ product._private }}", "product._private"),
        ('{{ product["__class__"] }}', "product['__class__']"),
        ("{{ product.title.__class__.__mro__ }}", "product.title.__class__.__mro__"),
        ("{{ product.title.upper() }}", "product.title.upper()"),
        ("{{ ''.__class__ }}", "''.__class__"),
        ('{{ "{0.__class__}".format(product) }}', "'{0.__class__}'.format(product)"),
        ("{{ product|attr('__class__') }}", "product|attr"),
        ("{% for n in range(1000000000) %}x{% endfor %}", "for n in range(1000000000)"),
        ("{{ range(1000000000)|list }}", "range(1000000000)|list"),
        ("{{ 'x' * 1000000000 }}", "'x' * 1000000000"),
        ("{{ 9 ** 999999999 }}", "9 ** 999999999"),
        ("{{ '%999999999d' % 1 }}", "'%999999999d' % 1"),
        ("{{ product.selling_points|join(product.title)|join(product.title) }}", "|join"),
        (
            "{% for a in product.selling_points %}{% for b in product.selling_points %}x{% endfor %}{% endfor %}",
            "for b",
        ),
        ("{% set a = 'x' %}{{ a }}", "assign"),
        ("{% include 'other' %}", "include"),
        ("{% import 'other' as other %}", "import"),
        ("{% extends 'other' %}", "extends"),
        ("{% macro m() %}x{% endmacro %}", "macro"),
        ("{{ self }}", "self"),
        ("{{ lipsum }}", "lipsum"),
        ("{{ product }}", "product"),
        ("{{ product.price|round(1000000000, 'ceil') }}", "round"),
        ("{% for _product_color in product.selling_points %}x{% endfor %}", "for _product_color in"),
        ("{{ cycler.__init__ }}", "cycler.__init__"),
        ("{{ product[product.title] }}", "product[product.title]"),
    ],
)
def test_what_reaches_further_is_refused_with_file_part_and_expression(source: str, expression: str) -> None:
    with pytest.raises(TemplateError) as error:
        read_snippet(source, where=WHERE, constants=CONSTANTS)
    assert str(error.value).startswith(f"{WHERE}: `")
    assert expression in str(error.value)


def test_a_syntax_error_names_file_part_and_line() -> None:
    with pytest.raises(TemplateError, match=r"\(templates/scenes/beach.yaml\): .* in '\{% if product.color %\}沙'"):
        read_snippet("{% if product.color %}沙", where=WHERE, constants=CONSTANTS)


def test_an_unknown_scene_or_brand_field_suggests_the_known() -> None:
    with pytest.raises(TemplateError, match=r"`scene.titel` does not exist. Known: id, title; did you mean title\?"):
        read_snippet("{{ scene.titel }}", where=WHERE, constants=CONSTANTS)


def test_a_filter_outside_the_list_is_refused_by_name() -> None:
    with pytest.raises(TemplateError, match=r"uses the filter 'replace', which is not available\. Known: d, default"):
        read_snippet("{{ product.title|replace('a', 'b') }}", where=WHERE, constants=CONSTANTS)


def test_the_environment_itself_holds_no_way_out() -> None:
    assert not ENVIRONMENT.globals
    assert ENVIRONMENT.loader is None
    assert "attr" not in ENVIRONMENT.filters


def test_variables_are_known_before_rendering() -> None:
    source = "{{ product.color }}{{ extra.产地 }}{{ product.nowhere|default('x') }}{{ scene.title }}"
    snippet = read_snippet(source, where=WHERE, constants=CONSTANTS)
    assert snippet.variables == {
        Variable("product", "color"),
        Variable("extra", "产地"),
        Variable("product", "nowhere"),
    }
    assert snippet.optional == {Variable("product", "nowhere")}


@pytest.mark.parametrize("source", ["{{ " + "(" * 400 + "1" + ")" * 400 + " }}", "{{ " + "not " * 400 + "1 }}"])
def test_deep_nesting_is_refused(source: str) -> None:
    with pytest.raises(TemplateError, match=r"beach.yaml\): is nested too deeply"):
        read_snippet(source, where=WHERE, constants=CONSTANTS)


def test_long_chains_are_refused_before_they_are_compiled() -> None:
    with pytest.raises(TemplateError, match="is nested too deeply"):
        read_snippet("{{ " + " and ".join(["product.color"] * 60) + " }}", where=WHERE, constants=CONSTANTS)
