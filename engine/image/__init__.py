"""Pictures: diffusers pipelines, denoised step by step for several requests at once. Only here is it imported."""
