"""The measuring script: proved at toy width anywhere, run at full size where there is an accelerator."""

import pytest
import torch

from tests.gpu.bench_full import main

TOY = "--width toy --device cpu --precision fp32 --side 64 --steps 2 --batch 2 --masters 4"


@pytest.mark.slow
def test_the_script_measures_at_toy_width_on_a_cpu(capsys: pytest.CaptureFixture[str]) -> None:
    plain, controlled = main(TOY.split())
    assert controlled.tflop > plain.tflop > 0
    for found in (plain, controlled):
        assert 0 < found.busy <= 1
        assert found.engine > 0
        assert found.naive > 0
    assert "effective TFLOP/s" in capsys.readouterr().out


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_full_size_keeps_the_card_busy() -> None:
    plain, controlled = main(["--masters", "16"])
    assert plain.tflop == pytest.approx(25 * 2 * 6.96 + 10.5 + 2 * 4.9 + 2.95, rel=0.1)
    assert min(plain.busy, controlled.busy) > 0.9
    assert plain.engine < plain.naive
