"""Gradio's theme with system fonts and our greys: nothing is fetched and nothing looks like a default."""

import gradio as gr

SANS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]
MONO = ["ui-monospace", "SF Mono", "Menlo", "Consolas", "monospace"]


def theme() -> gr.themes.Base:
    fonts = {
        "font": [gr.themes.Font(name) for name in SANS],
        "font_mono": [gr.themes.Font(name) for name in MONO],
    }
    return gr.themes.Base(primary_hue="blue", neutral_hue="gray", radius_size="md", **fonts).set(
        body_background_fill="var(--ts-bg)",
        body_background_fill_dark="var(--ts-bg)",
        body_text_color="var(--ts-text)",
        body_text_color_dark="var(--ts-text)",
        background_fill_primary="var(--ts-bg)",
        background_fill_primary_dark="var(--ts-bg)",
        border_color_primary="var(--ts-line)",
        border_color_primary_dark="var(--ts-line)",
    )
