"""The endpoint that draws one class with both orders and counts what each needs (docs/API.md)."""

from collections.abc import Iterator
from contextlib import contextmanager

import gradio as gr

from explorer.analysis.cost import CONVENTION, generation_flops
from explorer.ui.compare.comparing import need_pairs
from explorer.ui.compare.pairs import NEXT_SCALE, RASTER, Pair
from explorer.ui.compare.race_facts import is_guided
from explorer.ui.endpoints.api_generate import GenerateEndpoints
from explorer.ui.endpoints.api_values import CALLS, sentences
from explorer.ui.workbench import Workbench


def add_endpoints(bench: Workbench) -> None:
    """Adds the endpoint to the page that is being built (inside its `with gr.Blocks()`)."""
    endpoint = CompareEndpoint(bench)
    gr.api(endpoint.compare, api_name="compare", concurrency_limit=CALLS, concurrency_id="api")


class CompareEndpoint:
    """Both loaded models, one after the other. Models take the device's lock for one step at a time."""

    def __init__(self, bench: Workbench):
        self.bench = bench

    def compare(
        self,
        label: str,
        seed: int = 0,
        guidance: float | None = None,
        raster_guidance: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        temperature: float | None = None,
    ) -> tuple[dict, gr.FileData | None, gr.FileData | None]:
        """
        Draws one class with the next-scale and with the raster model, and tells what each needed.

        The models run one after the other on the same device. For each one that is loaded: steps, tokens,
        measured seconds of every step without decoding, and FLOPs counted by formula from its architecture.
        The same number for guidance means different things in the two orders, so each has its own.

        Parameters:
            label: a class by name or number that both models know, or "none" for no class
            seed: a whole number from 0
            guidance: of the next-scale model, rising from 0 over the scales; default: the model's
            raster_guidance: of the raster model, constant, 1 = none; default: the model's
            top_k: of both: draw from the k likeliest codes only, 0 = off; default: each model's
            top_p: of both: draw from the likeliest codes that sum to this, 1 = off; default: each model's
            temperature: of both, 0 = always the likeliest; default: each model's

        Returns:
            An object with label, seed, convention (what counts as a FLOP) and models, one object per order.
            The next-scale model's picture as a PNG file; nothing where none is loaded.
            The raster model's picture as a PNG file; nothing where none is loaded.
        """
        with sentences():
            pairs = need_pairs(self.bench)
        draw = GenerateEndpoints(self.bench).generate
        models, pictures = [], {}
        for order, pair in pairs.items():
            own = raster_guidance if order == RASTER else guidance
            with named_guidance(order):
                steps = list(draw(label, seed, own, top_k, top_p, temperature, order))
            last, pictures[order] = steps[-1]
            models.append(model_costs(pair, last, [answer["seconds"] for answer, _ in steps]))
        answer = {"label": last["label"], "seed": seed, "convention": CONVENTION, "models": models}
        return answer, pictures.get(NEXT_SCALE), pictures.get(RASTER)


@contextmanager
def named_guidance(order: str) -> Iterator[None]:
    """What is wrong with the raster model's guidance is told by the name that the caller gave it."""
    try:
        yield
    except gr.Error as error:
        if order != RASTER:
            raise
        text = str(error.message).replace("`guidance`", "`raster_guidance`")
        raise gr.Error(text, print_exception=False) from error


def model_costs(pair: Pair, last: dict, seconds: list[float]) -> dict:
    """What one model needed. last: the last answer of `generate`."""
    gen = pair.generator
    cost = generation_flops(gen.config, is_guided(pair.order, last["settings"]["guidance"]))
    return {
        "order": pair.order,
        "generator": gen.name,
        "tokenizer": gen.tokenizer.name,
        "parameters": gen.parameters,
        "steps": gen.steps,
        "tokens": cost.tokens,
        "seconds_per_step": seconds,
        "seconds": round(sum(seconds), 5),
        "flops": cost.total,
        "flops_per_step": list(cost.steps),
        "settings": last["settings"],
        "maps": last["maps"],
        "meta": last["meta"],
    }
