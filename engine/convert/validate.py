"""Loading what was converted, as the engine will, before anybody relies on it."""

from __future__ import annotations

from pathlib import Path

from engine.convert.process import ConversionError


def require_loadable(folder: Path) -> None:
    """Raises ConversionError where weights are missing, left over or of another shape, or a step gives no numbers."""
    import torch  # slow to import: a wrong file is refused before
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    model, loading = AutoModelForCausalLM.from_pretrained(
        folder,
        dtype=torch.bfloat16,
        local_files_only=True,
        use_safetensors=True,
        trust_remote_code=False,
        output_loading_info=True,
    )
    wrong = {key: sorted(map(str, names)) for key, names in loading.items() if names}
    if wrong:
        raise ConversionError(f"the weights don't fit the architecture ({str(wrong)[:300]}).")
    with torch.inference_mode():
        logits = model(**tokenizer("Hello", return_tensors="pt")).logits
    if not bool(torch.isfinite(logits).all()):
        raise ConversionError("the converted weights give no usable numbers.")
