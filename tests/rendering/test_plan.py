"""Plans are pure, incremental, and their bytes are those of the plain model."""

import hashlib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.catalog.brief import CampaignBrief
from tasks.catalog.product import BundleItem, Product
from tasks.errors import CellError, TemplateError
from tasks.prompts.expand import expand
from tasks.prompts.library import Library, load_library
from tasks.prompts.row import Row
from tasks.rendering.job import ModelRef, PlannedJob, derive_seed
from tasks.rendering.plan import Planner, PlanOptions, plan_jobs
from tasks.rendering.recipe import companions_of, recipe_of, size_of

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
MODEL = ModelRef(name="kolors-nano", revision="r1")
LIBRARY = load_library(TEMPLATES)


def make_product(**fields: Any) -> Product:
    image = hashlib.sha256(str(fields.get("sku")).encode()).hexdigest()
    known = {"sku": "QY-001", "title": "水润精华", "image": "a.png", "image_sha256": image, "category": "skincare"}
    return Product.model_validate(known | fields)


def make_brief(**fields: Any) -> CampaignBrief:
    return CampaignBrief.model_validate({"catalog": "shop/products.csv"} | fields)


def plan(*products: Product, library: Library = LIBRARY, **brief: Any) -> list[PlannedJob]:
    return list(plan_jobs(products, library, make_brief(**brief), model=MODEL))


def write_library(folder: Path, **scenes: dict[str, Any]) -> Library:
    (folder / "scenes").mkdir(parents=True, exist_ok=True)
    for name, fields in scenes.items():
        scene = {"id": name, "title": {"zh": name}} | fields
        (folder / "scenes" / f"{name}.yaml").write_text(yaml.safe_dump(scene, allow_unicode=True), encoding="utf-8")
    return load_library(folder)


texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)


@settings(deadline=None, max_examples=50)  # every example compiles its templates
@given(
    sku=texts.filter(str.strip),
    color=texts,
    material=st.sampled_from(["", '"引号"', "a\\b", "两\n行", "🧴", "陶瓷 "]),
    price=st.none() | st.decimals(min_value=0, max_value=10_000, places=2),
    brand=st.sampled_from(["", "青屿", "nobody"]),
    variants=st.integers(1, 3),
    bundle=st.booleans(),
)
def test_spliced_bytes_equal_the_plain_models_canonical_json(
    *, sku: str, color: str, material: str, price: Decimal | None, brand: str, variants: int, bundle: bool
) -> None:
    extra = {"prompt_mood": material, "negative_text": f"+{color}"}
    product = make_product(sku=sku, color=color, material=material, price=price, brand=brand, extra=extra)
    if bundle:
        items = (BundleItem("cup.png", "1" * 64, 9.5), BundleItem("lid.png", "2" * 64))
        product = product.model_copy(update={"bundle": items, "height_cm": 24.0})
    for planned in plan(product, variants=variants, scenes=("pastel-studio", "white-studio")):
        scene = LIBRARY.scenes[planned.scene]
        prompt = expand(LIBRARY, product, scene)
        job = recipe_of(LIBRARY, scene, model=MODEL, brand=LIBRARY.brand_id(brand)).job(
            prompt=prompt.positive,
            negative_prompt=prompt.negative,
            seed=derive_seed(product.sku, scene.id, str(planned.variant)),
            product_image=product.image_sha256,
            product_size=size_of(product) if bundle else None,
            companions=companions_of(product),
        )
        assert planned.spec == job.canonical()
        assert planned.job_id == job.job_id
        assert planned.job == job


def test_a_scene_that_reads_the_price_tells_equal_decimals_apart(tmp_path: Path) -> None:
    library = write_library(tmp_path, plain={"prompt": {"set": {"mood": "{{ product.price }}元"}}})
    products = [make_product(sku=f"P{n}", price=Decimal(price)) for n, price in enumerate(("1.0", "1.00"))]
    assert [job.job.prompt for job in plan(*products, library=library)] == ["1.0元", "1.00元"]


def test_prompts_stay_right_when_values_repeat_past_what_is_kept(tmp_path: Path) -> None:
    library = write_library(tmp_path, plain={"prompt": {"set": {"mood": "{{ product.color }}"}}})
    products = [make_product(sku=f"P{n}", color=f"色{n % 200}") for n in range(1000)]
    jobs = plan(*products, library=library)
    assert [job.job.prompt for job in jobs] == [product.color for product in products]


def test_changing_one_scenes_wording_replans_that_scene_only(tmp_path: Path) -> None:
    scenes = {name: {"prompt": {"set": {"surface": name}}} for name in ("beach", "snow")}
    before = {job.job_id: job for job in plan(make_product(), library=write_library(tmp_path, **scenes))}
    scenes["beach"] = {"prompt": {"set": {"surface": "细沙"}}}
    after = plan(make_product(), library=write_library(tmp_path, **scenes))
    assert [job.scene for job in after if job.job_id not in before] == ["beach"]


def test_changing_one_picture_replans_that_sku_only() -> None:
    products = [make_product(sku=sku) for sku in ("A", "B")]
    before = {job.job_id for job in plan(*products)}
    changed = [products[0], products[1].model_copy(update={"image_sha256": "f" * 64})]
    assert {job.sku for job in plan(*changed) if job.job_id not in before} == {"B"}


def test_line_and_title_do_not_enter_the_identity() -> None:
    same = plan(make_product(line=2)), plan(make_product(line=9, title="别的名字"))
    assert [job.job_id for job in same[0]] == [job.job_id for job in same[1]]


def test_every_sku_and_variant_has_a_seed_of_its_own() -> None:
    jobs = plan(make_product(sku="A"), make_product(sku="B"), variants=3)
    assert len({job.job.seed for job in jobs}) == len(jobs) == len({job.job_id for job in jobs})


def test_a_category_gets_the_scenes_that_fit_it() -> None:
    scenes = {job.scene for job in plan(make_product(category="电饭煲"))}
    assert scenes == {"white-studio", "wood-morning", "festive-red", "concrete-loft", "kitchen-tile"}


def test_an_unknown_category_gets_the_scenes_for_all() -> None:
    assert [job.scene for job in plan(make_product(category="挖掘机"))] == ["white-studio"]


def test_a_row_may_name_its_scenes_by_title_even_outside_its_category() -> None:
    assert [job.scene for job in plan(make_product(category="电饭煲", scenes=("夏日海滩",)))] == ["summer-beach"]


def test_the_briefs_scenes_narrow_what_fits() -> None:
    jobs = plan(make_product(), make_product(sku="B", category="电饭煲"), scenes=("marble-bathroom",))
    assert [(job.sku, job.scene) for job in jobs] == [("QY-001", "marble-bathroom")]


def test_an_unknown_scene_in_the_brief_lists_the_known_ones() -> None:
    with pytest.raises(TemplateError, match=r"no scene 'summer-beech'. Known: .*; did you mean summer-beach\?"):
        plan(make_product(), scenes=("summer-beech",))


def test_an_unknown_scene_in_a_row_is_reported_and_the_others_go_on() -> None:
    bad: list[tuple[str, str]] = []
    jobs = plan_jobs(
        [make_product(sku="A", scenes=("nowhere",)), make_product(sku="B", scenes=("white-studio",))],
        LIBRARY,
        make_brief(),
        model=MODEL,
        on_bad_row=lambda goods, error: bad.append((goods.sku, error.column)),
    )
    assert [job.sku for job in jobs] == ["B"]
    assert bad == [("A", "scenes")]


def test_an_unknown_scene_in_a_row_raises_where_nobody_listens() -> None:
    with pytest.raises(CellError, match="there is no scene 'nowhere'"):
        plan(make_product(scenes=("nowhere",)))


def test_the_briefs_brand_overrides_the_rows() -> None:
    own, briefed = plan(make_product(brand="山月")), plan(make_product(brand="山月"), brand="qingyu")
    assert "山间静气" in own[0].job.prompt
    assert "海岛清新" in briefed[0].job.prompt


def test_limit_counts_products() -> None:
    jobs = plan(*(make_product(sku=f"P{n}") for n in range(5)), limit=2)
    assert {job.sku for job in jobs} == {"P0", "P1"}


def test_rows_plan_like_products() -> None:
    product = make_product(brand="青屿", extra={"prompt_props": "+贝壳"})
    row = Row(*(getattr(product, name) for name in Row._fields))
    assert list(plan_jobs([row], LIBRARY, make_brief(), model=MODEL)) == plan(product)


def test_a_missing_column_is_named_with_scene_part_file_and_catalogue(tmp_path: Path) -> None:
    library = write_library(tmp_path, beach={"prompt": {"set": {"surface": "{{ product.colour }}沙滩"}}})
    with pytest.raises(TemplateError) as error:
        plan(make_product(extra={"产地": "海南"}), library=library)
    message = str(error.value)
    assert 'scene "beach" part "surface"' in message
    assert "scenes/beach.yaml) uses {{ product.colour }}, which products.csv does not provide. Known: sku," in message
    assert message.endswith("产地; did you mean color?")


def test_templates_are_compiled_per_stack_and_never_per_row() -> None:
    planner = Planner(LIBRARY, PlanOptions(make_brief(), MODEL))
    scenes = {job.scene for n in range(50) for job in planner.plan(make_product(sku=f"P{n}", color=f"色{n}"))}
    assert len(planner._stations) == len(scenes)


def test_a_sku_with_a_file_of_its_own_gets_its_own_prompt(tmp_path: Path) -> None:
    (tmp_path / "prompts/skus").mkdir(parents=True)
    layer = {"sku": "A/1", "prompt": {"set": {"mood": "独有"}}}
    (tmp_path / "prompts/skus/a-1.yaml").write_text(yaml.safe_dump(layer), encoding="utf-8")
    library = write_library(tmp_path, plain={"prompt": {"set": {"mood": "共有"}}})
    jobs = plan(make_product(sku="A/1"), make_product(sku="B"), make_product(sku="A/1"), library=library)
    assert [job.job.prompt for job in jobs] == ["独有", "共有", "独有"]


def test_a_wrong_scene_setting_stops_the_plan_before_its_first_job(tmp_path: Path) -> None:
    library = write_library(tmp_path, good={}, wrong={"categories": ["nobody"], "staging": {"share": 3}})
    with pytest.raises(TemplateError, match=r"scenes/wrong.yaml: staging.share: .*found 3"):
        next(plan_jobs([make_product()], library, make_brief(), model=MODEL))
