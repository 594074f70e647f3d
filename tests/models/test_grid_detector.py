"""The grid detector: one cell for each 4 x 4 pixels, whatever the size of the picture."""

import torch

from thalweg.core.position import Position
from thalweg.data.batch import Batch
from thalweg.fields.encoding import Encodings
from thalweg.fields.kinds.boxes import Boxes
from thalweg.fields.kinds.image import Image
from thalweg.models.grid_detector import GridDetector
from thalweg.tasks.detection import Detection, DetectionSettings


def test_a_cell_is_four_pixels_wide_and_cells_begin_unsure():
    net = GridDetector(*GridDetector.tiny()).eval()
    cells = net(image=torch.randn(2, 1, 16, 24))
    assert cells.shape == (2, 4, 6, 5)
    assert cells[..., 0].sigmoid().mean() < 0.15


def test_it_learns_its_example():
    torch.manual_seed(0)
    ports, settings = GridDetector.tiny()
    net, fields = GridDetector(ports, settings), GridDetector.example(ports, torch.Generator().manual_seed(0))
    form = {"height": 8, "width": 8, "channels": 1, "low": 0.0, "high": 1.0, "mean": [0.0], "deviation": [1.0]}
    boxes = Boxes("boxes", ["boxes", "image"], "target").restore({"width": 4, "shares": True, "classes": 0})
    task = Detection(Encodings([Image("image", ["image"]).restore(form), boxes]), DetectionSettings())
    batch, optimizer = Batch.of(fields), torch.optim.Adam(net.parameters(), lr=0.02)
    for _ in range(150):
        optimizer.zero_grad()
        task.objective(net, batch).loss.sum().backward()
        optimizer.step()
    rows = task.measure(net.eval(), batch, Position())["detection-f1"].sum(0)
    assert rows.tolist() == [6, 0, 0]
