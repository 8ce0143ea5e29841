from __future__ import annotations

from jobs import compile_kernels
from jobs.dedup import keep_first_kernel, minhash, union_find, winnow
from jobs.pack import best_fit
from jobs.text import lines, misread, normalise, signed_words


def test_the_small_texts_reach_the_kernels(capsys):
    assert compile_kernels.main() == 0
    kernels = [
        keep_first_kernel.match,
        union_find._join,
        winnow._fingerprints,
        minhash._signatures,
        best_fit.best_fit,
        lines._count,
        misread._count,
        normalise._normalise,
        normalise._normalise_code,
        signed_words._signed_words,
    ]
    assert {kernel.py_func.__qualname__: len(kernel.signatures) for kernel in kernels if not kernel.signatures} == {}
    assert capsys.readouterr().err == ""


def test_what_could_not_be_compiled_is_said(monkeypatch, capsys):
    monkeypatch.setattr(compile_kernels, "_write", lambda root: (root / "mixlake.yaml").write_text("lake: ''\n"))
    assert compile_kernels.main() == 1
    assert "kernels were not compiled" in capsys.readouterr().err
