"""What labels and the visible mark cost a rendition. `python -m tests.bench.bench_labels`"""

from time import perf_counter

import cv2

from tasks.banners.compose import Rendition, compose_renditions
from tasks.banners.placement import Placement, load_placements
from tasks.delivery.labels import FONT, Credits, Labeller, Marker, Origin
from tasks.rendering.job import ModelRef, RenderJob
from tests.banners.drawn import draw_master
from tests.bench.bench_banners import TEMPLATES, TWELVE, best

ROUNDS = 20
CREDITS = Credits("91330100MA2X", "青屿品牌视觉组", "© 2026 青屿 Qingyu。保留所有权利。", "青屿")


def main() -> None:
    cv2.setNumThreads(1)
    placements = [load_placements(TEMPLATES)[name] for name in TWELVE]
    master = draw_master("table", width=1024, height=1024, share=0.5)
    job = RenderJob(
        model=ModelRef(name="kolors-nano", revision="abc"),
        prompt="木桌",
        seed=1,
        width=1024,
        height=1024,
        product_image="a" * 64,
    )
    origin = Origin(job, job.job_id, 0, "SKU-1", "wood-morning", 0)
    plain = Labeller(origin, CREDITS)
    marked = Labeller(origin, CREDITS, marker=Marker("AI生成", TEMPLATES.parent / FONT))

    def compose(labeller: Labeller | None) -> list[Rendition]:
        made = compose_renditions(
            master.pixels,
            master.product_box,
            placements,
            background="generated",
            alpha=master.alpha,
            finisher=labeller,
        )
        return [rendition for rendition in made if isinstance(rendition, Rendition)]

    bare, labelled, both = best(lambda: compose(None), lambda: compose(plain), lambda: compose(marked))
    files = [(rendition.data, rendition.placement) for rendition in compose(None)]
    seconds = min(_timed(plain, files) for _ in range(ROUNDS))
    print(f"12 JPEG placements of one 1024x1024 master, {len(files)} made, one core")
    print(f"  bare             {bare * 1e3:7.1f} ms   1.00x")
    print(f"  labelled         {labelled * 1e3:7.1f} ms   {labelled / bare:.2f}x")
    print(f"  labelled, marked {both * 1e3:7.1f} ms   {both / bare:.2f}x")
    print(f"  labels alone     {seconds / len(files) * 1e3:7.2f} ms a file, written and read back")


def _timed(labeller: Labeller, files: list[tuple[bytes, Placement]]) -> float:
    start = perf_counter()
    for data, placement in files:
        labeller.reserve(placement)
        labeller.label(data, placement)
    return perf_counter() - start


if __name__ == "__main__":
    main()
