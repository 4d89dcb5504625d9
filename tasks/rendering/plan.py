"""The plan: every job of a campaign, by the million, without torch and without Prefect.

The jobs of one scene, brand and brief differ in prompt, negative prompt, seed and product picture only. The rest of
their canonical JSON is made once, and a job is spliced together from bytes that equal `RenderJob.canonical()`.
"""

from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from pathlib import PurePath
from typing import NamedTuple, TypeVar

import orjson

from tasks.catalog.brief import CampaignBrief
from tasks.errors import CellError, TemplateError
from tasks.prompts.expand import Expander, Values
from tasks.prompts.library import Library
from tasks.prompts.row import Goods, product_facts
from tasks.prompts.scene import Scene
from tasks.prompts.stack import Stack, sku_cells, stack_of
from tasks.rendering.job import CutOutModel, DepthModel, ModelRef, PlannedJob, Sampler, canonical_json, job_digest
from tasks.rendering.recipe import assert_relief, companions_of, recipe_of, size_of
from tasks.shapes import Size

KEPT_KINDS = 4096  # ways in which rows name category, brand, locale and scenes
KEPT_STACKS = 2048  # compiled stacks, about 25 kB and 2 ms each; the oldest goes first
KEPT_PROMPTS = 8192  # filled prompts, about 2 kB each, of the stacks whose products repeat them
TRIAL = 256  # prompts after which a stack must have shown repeats to go on being kept

Filled = tuple[bytes, bytes]  # canonical bytes from the negative prompt to the picture's digest, and from size to seed
ALONE = (b"[]", b"null")  # no companions, no real size
BadRow = Callable[[Goods, CellError], None]


class PlanOptions(NamedTuple):
    """What one plan is made for. `size` and `sampler` stand in for the scenes' own where a model needs its own.

    `sizes` are the masters of a scene by its background, one job each; a scene whose file states a size has that one.
    """

    brief: CampaignBrief
    model: ModelRef
    size: Size | None = None
    sampler: Sampler | None = None
    sizes: tuple[tuple[str, tuple[Size, ...]], ...] = ()
    cutout: CutOutModel | None = None
    depth: DepthModel | None = None


def plan_jobs(
    products: Iterable[Goods],
    library: Library,
    brief: CampaignBrief,
    *,
    model: ModelRef,
    size: Size | None = None,
    sampler: Sampler | None = None,
    sizes: tuple[tuple[str, tuple[Size, ...]], ...] = (),
    cutout: CutOutModel | None = None,
    depth: DepthModel | None = None,
    on_bad_row: BadRow | None = None,
) -> Iterator[PlannedJob]:
    """Product x scene x variant x master size, in the order of the products. Pure: the same input gives the same jobs.

    A row that names an unknown scene is passed to `on_bad_row` and left out; without it the CellError is raised. Wrong
    templates, a wrong brief or a variable that the catalogue lacks raise a TemplateError.
    """
    planner = Planner(library, PlanOptions(brief, model, size, sampler, sizes, cutout, depth))
    for number, goods in enumerate(products):
        if brief.limit is not None and number >= brief.limit:
            return
        try:
            yield from planner.plan(goods)
        except CellError as error:
            if on_bad_row is None:
                raise
            on_bad_row(goods, error)


class Planner:
    """Plans one product at a time; keeps what products have in common."""

    def __init__(self, library: Library, options: PlanOptions) -> None:
        self.library = library
        self.options = options
        self._brand = library.brand(options.brief.brand).id if options.brief.brand else ""
        wanted = options.brief.scenes or tuple(library.scenes)
        for name in wanted:  # what is wrong is told before the first row, not at the first row that meets it
            scene = library.scene(name)
            recipe = recipe_of(
                library, scene, model=options.model, size=options.size, sampler=options.sampler, depth=options.depth
            )
            assert_relief(recipe, scene)
        self._stacks: dict[tuple[object, ...], tuple[Stack, ...]] = {}
        self._stations: dict[Stack, Station] = {}
        self._prompts: dict[tuple[Stack, Values], Filled] = {}

    def plan(self, goods: Goods) -> list[PlannedJob]:
        """The jobs of one product. Errors: CellError where its row names an unknown scene, TemplateError."""
        cells = sku_cells(goods.extra)
        own = ("sku", goods.sku) in self.library.layers
        kind = (goods.category, goods.brand, goods.locale, goods.scenes, cells, goods.sku if own else "")
        stacks = self._stacks.get(kind)
        if stacks is None:
            stacks = self._stacks_of(goods)
            _keep(self._stacks, kind, stacks, KEPT_KINDS)
        head = f"{len(goods.sku)}:{goods.sku}"
        facts = product_facts(goods)
        return [job for stack in stacks for job in self._station(stack).jobs(goods, head, facts)]

    def _stacks_of(self, goods: Goods) -> tuple[Stack, ...]:
        try:
            scenes = self.library.scenes_for(goods, only=self.options.brief.scenes)
        except TemplateError as error:
            raise CellError("scenes", " ".join(goods.scenes), str(error)) from error
        return tuple(stack_of(self.library, goods, scene, brand=self._brand) for scene in scenes)

    def _station(self, stack: Stack) -> "Station":
        station = self._stations.get(stack)
        if station is None:
            station = Station(self.library, stack, self.options, prompts=self._prompts)
            _keep(self._stations, stack, station, KEPT_STACKS)
        return station


class Station:
    """Makes the jobs of one stack: its templates compiled, the constant bytes of its jobs cut and ready."""

    def __init__(
        self, library: Library, stack: Stack, options: PlanOptions, *, prompts: dict[tuple[Stack, Values], Filled]
    ) -> None:
        scene = library.scenes[stack.scene]
        recipes = [
            recipe_of(
                library,
                scene,
                model=options.model,
                brand=stack.brand,
                size=size,
                sampler=options.sampler,
                cutout=options.cutout,
                depth=options.depth,
            )
            for size in master_sizes(scene, options)
        ]
        self.stack = stack
        self._expander = Expander(library, stack, catalog=PurePath(options.brief.catalog).name or "the catalogue")
        self._pieces = recipes[0].pieces()
        # height stands before the negative prompt and width after the seed: all that differs between a scene's masters
        self._frames = [(each[1], each[6]) for each in (recipe.pieces() for recipe in recipes)]
        self._measures = recipes[0].staging.frame_cm is not None
        # the words of derive_seed after the SKU, length-prefixed as there
        words = [(variant, str(variant)) for variant in range(options.brief.variants)]
        self._variants = [(n, f"{len(stack.scene)}:{stack.scene}{len(word)}:{word}") for n, word in words]
        self._prompts = prompts
        # equal decimals may read differently (1.0 and 1.00), so they are no key
        self._keeps = all(variable.key != "price" for variable in self._expander.variables)
        self._fresh = self._repeats = 0

    def jobs(self, goods: Goods, head: str, facts: bytes) -> list[PlannedJob]:
        """One job a variant and master size.

        `head` is the SKU, length-prefixed as in derive_seed; `facts` as of `product_facts`.
        """
        before, after = self._filled(goods)
        companions, size = self._beside(goods)
        opening = self._pieces[0] + companions
        before = b"".join((before, goods.image_sha256.encode(), b'"', self._pieces[3], size, after))
        scene, jobs = self.stack.scene, []
        for variant, tail in self._variants:
            seed = int.from_bytes(sha256((head + tail).encode()).digest()[:8], "big") >> 1
            for start, end in self._frames:
                spec = b"%b%b%b%d%b" % (opening, start, before, seed, end)
                jobs.append(
                    PlannedJob(job_digest(spec), goods.sku, scene, variant, spec, goods.image, goods.line, facts)
                )
        return jobs

    def _filled(self, goods: Goods) -> Filled:
        values = self._expander.values(goods)
        if not self._keeps:
            return self._fill(values, goods)
        filled = self._prompts.get((self.stack, values))
        if filled is not None:
            self._repeats += 1
            return filled
        self._fresh += 1
        if self._fresh > TRIAL:
            self._keeps = self._repeats > self._fresh
        filled = self._fill(values, goods)
        _keep(self._prompts, (self.stack, values), filled, KEPT_PROMPTS)
        return filled

    def _fill(self, values: Values, goods: Goods) -> Filled:
        prompt = self._expander.render(values, goods)
        _, _, picture, _, positive, seed, _ = self._pieces
        before = b"".join((orjson.dumps(prompt.negative), picture, b'"'))
        return before, b"".join((positive, orjson.dumps(prompt.positive), seed))

    def _beside(self, goods: Goods) -> tuple[bytes, bytes]:
        """Canonical companions and real size of a product; the size only where something depends on it."""
        if not goods.bundle and not self._measures:
            return ALONE
        companions = companions_of(goods)
        size = size_of(goods)
        return (
            canonical_json([one.model_dump(mode="json") for one in companions]),
            canonical_json(size.model_dump(mode="json") if size else None),
        )


def master_sizes(scene: Scene, options: PlanOptions) -> tuple[Size, ...]:
    """The sizes of a scene's masters: the plan's own, the scene file's own, else those for its background."""
    if options.size is not None:
        return (options.size,)
    if "size" in scene.model_fields_set:
        return (scene.size,)
    return dict(options.sizes).get(scene.background) or (scene.size,)


Key = TypeVar("Key")
Value = TypeVar("Value")


def _keep(cache: dict[Key, Value], key: Key, value: Value, limit: int) -> None:
    """Put into a cache of bounded size; the oldest entry makes room."""
    if len(cache) >= limit:
        cache.pop(next(iter(cache)))
    cache[key] = value
