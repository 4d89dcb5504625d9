"""Reading a catalogue of 200,000 and of 1,000,000 rows: processor time, peak memory, ratio to csv.DictReader.

Run: python -m tests.bench.bench_catalog [rows ...]
"""

import csv
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

ROWS = (200_000, 1_000_000)
IMAGES = 200
COLUMNS = (
    "货号 商品名称 主图 类目 品牌 价格 颜色 材质 卖点 场景 产地 净含量 规格 适用人群 季节 库存 条码 备注 链接 更新时间"
)


def write_catalogue(folder: Path, rows: int) -> Path:
    """A CSV of 20 columns, Chinese and numbers mixed, with quoted commas; pictures are shared by many rows."""
    (folder / "images").mkdir(exist_ok=True)
    for number in range(IMAGES):
        Image.new("RGB", (64, 64), (number, 40, 90)).save(folder / f"images/{number}.png")
    path = folder / f"products-{rows}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS.split())
        for row in range(rows):
            writer.writerow(
                (
                    f"SX-{row:08d}", f"春季新款 保湿精华液 {row} 号", f"images/{row % IMAGES}.png", "美妆", "山茶",
                    f"¥{row % 300},{row % 900 + 100}.00" if row % 50 == 0 else f"{row % 3000}.50", "雾蓝", "玻璃",
                    f"补水、轻薄不黏腻、{row % 1000} 小时留香", "white;beach", "浙江, 杭州", "30ml", f"规格 {row % 7}",
                    "成人", "四季", row % 977, 6_900_000_000_000 + row, "无", f"https://shop.example/item/{row}",
                    f"2026-01-{row % 28 + 1:02d}",
                )
            )  # fmt: skip
    return path


def read_rows(path: Path) -> int:
    from tasks.catalog.images import ImageResolver
    from tasks.catalog.read import read_product_batches
    from tasks.catalog.source import local_source

    bad: list[object] = []
    batches = read_product_batches(local_source(path), images=ImageResolver(path.parent), on_bad=bad.append)
    count = sum(map(len, batches))
    assert not bad, bad[:3]
    return count


def dict_rows(path: Path) -> int:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return sum(1 for _ in csv.DictReader(file))


READERS = {"catalogue": read_rows, "DictReader": dict_rows}


def measure(reader: str, path: Path) -> dict[str, float]:
    """One reading in a process of its own: rows, processor seconds, peak memory in MB."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.bench_catalog", "--one", reader, str(path)],
        check=True,
        capture_output=True,
        text=True,
    )
    return dict(json.loads(done.stdout))


def one(reader: str, path: Path) -> None:
    # processor time: it holds still where other work shares the machine
    start = time.process_time()
    rows = READERS[reader](path)
    seconds = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"rows": rows, "seconds": seconds, "peak_mb": peak}))


def main() -> None:
    if sys.argv[1:2] == ["--one"]:
        one(sys.argv[2], Path(sys.argv[3]))
        return
    sizes = tuple(map(int, sys.argv[1:])) or ROWS
    print(f"{'rows':>10} {'reader':<10} {'CPU s':>8} {'us/row':>7} {'rows/s':>9} {'peak MB':>8} {'x DictReader':>12}")
    with tempfile.TemporaryDirectory() as folder:
        for rows in sizes:
            path = write_catalogue(Path(folder), rows)
            results = {reader: measure(reader, path) for reader in reversed(READERS)}
            base = results["DictReader"]["seconds"]
            for reader, result in results.items():
                seconds = result["seconds"]
                print(
                    f"{rows:>10,} {reader:<10} {seconds:>8.2f} {seconds / rows * 1e6:>7.1f} {rows / seconds:>9,.0f} "
                    f"{result['peak_mb']:>8.0f} {seconds / base:>12.2f}"
                )


if __name__ == "__main__":
    main()
