"""One training step of the same plain U-Net in PyTorch: the opponent of training-step.bench.mjs.

usage: python3 training-step.torch.py '{"features": [32, 64], "patch": [40, 56, 40], "batch": 2, "steps": 6}'
prints JSON: milliseconds and CPU milliseconds of every step, peak resident memory in bytes, losses; with "device": "cuda" the
memory that the card has given away by then. "mixedPrecision": true is autocast with a scaler, as nnU-Net trains on CUDA.
"""
import json
import resource
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

options = json.loads(sys.argv[1])
torch.manual_seed(0)
torch.set_num_threads(options.get("threads", 2))
features, patch, batch = options["features"], options["patch"], options["batch"]
device, half = options.get("device", "cpu"), options.get("mixedPrecision", False)
torch.backends.cudnn.benchmark = device == "cuda"  # as nnU-Net does
Conv, UpConv, Norm = (
    (nn.Conv3d, nn.ConvTranspose3d, nn.InstanceNorm3d)
    if len(patch) == 3
    else (nn.Conv2d, nn.ConvTranspose2d, nn.InstanceNorm2d)
)


class Block(nn.Module):
    def __init__(self, ci, co, stride=1):
        super().__init__()
        self.conv = Conv(ci, co, 3, stride, 1)
        self.norm = Norm(co, eps=1e-5, affine=True)

    def forward(self, x):
        return F.leaky_relu(self.norm(self.conv(x)), 0.01, inplace=True)


class UNet(nn.Module):
    def __init__(self, features, channels, classes):
        super().__init__()
        self.encoder = nn.ModuleList()
        previous = channels
        for stage, f in enumerate(features):
            self.encoder.append(nn.Sequential(Block(previous, f, 1 if stage == 0 else 2), Block(f, f)))
            previous = f
        self.up, self.decoder, self.heads = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for f in reversed(features[:-1]):
            self.up.append(UpConv(previous, f, 2, 2, bias=False))
            self.decoder.append(nn.Sequential(Block(2 * f, f), Block(f, f)))
            self.heads.append(Conv(f, classes, 1, bias=False))
            previous = f

    def forward(self, x):
        skips = []
        for stage in self.encoder:
            x = stage(x)
            skips.append(x)
        outputs = []
        for i, (up, stage, head) in enumerate(zip(self.up, self.decoder, self.heads)):
            x = stage(torch.cat((up(x), skips[-2 - i]), 1))
            outputs.insert(0, head(x))
        return outputs


def loss_of(logits, target):
    probabilities = logits.softmax(1)
    truth = torch.zeros_like(probabilities).scatter_(1, target, 1)
    axes = tuple(range(2, logits.dim()))
    overlap = (probabilities * truth).sum(axes)
    dice = (2 * overlap + 1e-5) / (probabilities.sum(axes) + truth.sum(axes) + 1e-5)
    return F.cross_entropy(logits, target[:, 0]) - dice[:, 1:].mean()


net = UNet(features, 1, 3).to(device)
optimiser = torch.optim.SGD(net.parameters(), 0.01, momentum=0.99, nesterov=True, weight_decay=3e-5)
data = torch.randn(batch, 1, *patch)
scaler = torch.amp.GradScaler(device, enabled=half)
targets = [torch.randint(0, 3, (batch, 1, *[n >> s for n in patch])) for s in range(len(features) - 1)]
weights = [2.0**-s for s in range(len(features) - 2)] + [0]
weights = [w / sum(weights) for w in weights]
times, cpu_times, losses = [], [], []
for _ in range(options["steps"]):
    started, cpu_started = time.perf_counter(), time.process_time()
    optimiser.zero_grad()
    given, wanted = data.to(device), [target.to(device) for target in targets]  # a batch comes from the machine's memory
    with torch.autocast(device, torch.float16, enabled=half):
        outputs = net(given)
        loss = sum(w * loss_of(o.float(), t) for w, o, t in zip(weights, outputs, wanted) if w)
    scaler.scale(loss).backward()
    scaler.unscale_(optimiser)
    nn.utils.clip_grad_norm_(net.parameters(), 12)
    scaler.step(optimiser)
    scaler.update()
    losses.append(loss.item())
    times.append(1000 * (time.perf_counter() - started))
    cpu_times.append(1000 * (time.process_time() - cpu_started))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
if device == "cuda":
    free, total = torch.cuda.mem_get_info()
    peak = total - free
print(json.dumps({"milliseconds": times, "cpuMilliseconds": cpu_times, "peakBytes": peak, "losses": losses}))
