from __future__ import annotations

import torch

from trainer.platform import cpu


def test_the_host_answers_for_the_device():
    assert cpu.install()
    assert cpu.device() == torch.device("cpu")
    assert torch.zeros(2, device="cuda").device.type == "cpu"
    assert torch.zeros(2).cuda().device.type == "cpu"
    assert torch.zeros(2).type() == "torch.cuda.FloatTensor"


def test_host_adam_equals_torch_adamw():
    torch.manual_seed(0)
    ours = torch.nn.Parameter(torch.randn(50))
    theirs = torch.nn.Parameter(ours.detach().clone())
    options = {"lr": 1e-2, "weight_decay": 0.1, "betas": (0.9, 0.95)}
    one, other = cpu.HostAdam([ours], **options), torch.optim.AdamW([theirs], **options)
    for _ in range(50):
        ours.grad = torch.randn(50)
        theirs.grad = ours.grad.clone()
        one.step()
        other.step()
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)
