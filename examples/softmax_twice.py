"""A training loop as many tutorials write it, with a mistake that many of them make; thalweg looks on and names it.

The net ends in a softmax, and `CrossEntropyLoss` applies another one to it. Nothing fails: the loss falls, the accuracy rises,
and both stop early. One line, `with tw.doctor(...)`, is all that knows of thalweg.

    python softmax_twice.py           the loop with the mistake
    python softmax_twice.py --mended  the same without the second softmax
"""

import sys

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import thalweg as tw

torch.manual_seed(0)
images, digits = load_digits(return_X_y=True)
images = torch.tensor(images, dtype=torch.float32) / 16
train_x, test_x, train_y, test_y = train_test_split(images, torch.tensor(digits), test_size=0.2, random_state=0)
loader = DataLoader(TensorDataset(train_x, train_y), batch_size=32, shuffle=True)

layers = [nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)]
if "--mended" not in sys.argv:
    layers.append(nn.Softmax(dim=1))
model = nn.Sequential(*layers)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.001)

with tw.doctor(model, optimizer):
    for epoch in range(10):
        for x, y in loader:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
        print(f"epoch {epoch + 1}: loss {loss:.3f}")

with torch.no_grad():
    accuracy = (model(test_x).argmax(1) == test_y).float().mean()
print(f"right for {accuracy:.1%} of {len(test_y)} test images")
