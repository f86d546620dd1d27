import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_files import exif, png_with_text, saved, scene

from finepick.images.prompts import find_prompt
from finepick.images.reading import read_photo

PROMPT = "a lighthouse at dusk, <lora:film:0.8>, (soft light:1.2)"
PARAMETERS = (
    PROMPT + "\nNegative prompt: blurry, bad hands\n"
    "Steps: 25, Sampler: DPM++ 2M, CFG scale: 7, Seed: {seed}, Size: 512x512, Model: m"
)


@pytest.fixture
def prompt_of(tmp_path):
    def read(data):
        path = os.path.join(tmp_path, "picture")
        with open(path, "wb") as file:
            file.write(data)
        return read_photo(path, long_side=100).metadata.prompt

    return read


def comment(text, code):
    prefix = {"ascii": b"ASCII\0\0\0", "utf-8": b"UNICODE\0"}.get(code, b"UNICODE\0")
    return exif({}, {0x9286: ("bytes", prefix + text.encode(code))})


def test_automatic1111_in_png(prompt_of):
    for packed in (False, True):
        data = png_with_text(scene(), {"parameters": PARAMETERS.format(seed=1)}, packed=packed)
        assert prompt_of(data) == PROMPT


def test_automatic1111_writes_any_alphabet(prompt_of):
    assert (
        prompt_of(png_with_text(scene(), {"parameters": "夕焼け 灯台\nSteps: 3, Sampler: x"}))
        == "夕焼け 灯台"
    )


@pytest.mark.parametrize("format", ["JPEG", "WEBP"])
@pytest.mark.parametrize("code", ["utf-16-be", "utf-16-le", "utf-16", "utf-8", "ascii"])
def test_automatic1111_in_jpeg_and_webp(prompt_of, format, code):
    data = saved(scene(), format, exif=comment(PARAMETERS.format(seed=5), code))

    assert prompt_of(data) == PROMPT


@pytest.mark.parametrize("code", ["utf-16-be", "utf-16-le"])
def test_far_alphabets_survive_the_user_comment(prompt_of, code):
    text = "夕焼けの灯台、柔らかい光\nSteps: 20, Sampler: Euler a, Seed: 4"

    assert prompt_of(saved(scene(), "JPEG", exif=comment(text, code))) == "夕焼けの灯台、柔らかい光"


@pytest.mark.parametrize("wrap", [lambda inner: inner, lambda inner: {"sui_image_params": inner}])
def test_fooocus_and_swarmui_write_json_there(wrap):
    assert find_prompt({"parameters": json.dumps(wrap({"prompt": PROMPT, "seed": 3}))}) == PROMPT


def test_a_persons_comment_is_no_prompt(prompt_of):
    assert prompt_of(saved(scene(), "JPEG", exif=comment("Grandma's birthday", "ascii"))) is None
    assert prompt_of(png_with_text(scene(), {"Comment": "Created with GIMP", "Title": "Sunset"})) is None


def test_the_variants_of_one_prompt_are_equal():
    texts = [
        PARAMETERS.format(seed=1),
        PARAMETERS.format(seed=2).replace("Steps: 25", "Steps: 30").replace("\n", "\r\n"),
        PROMPT.replace(", ", ",\n  ") + "\nSteps: 1, Sampler: Euler",
        PROMPT,
    ]

    assert {find_prompt({"parameters": text}) for text in texts} == {PROMPT}


def node(kind, **inputs):
    return {"class_type": kind, "inputs": inputs}


def comfyui(positive, **more):
    return {
        "3": node(
            "KSampler", seed=1, positive=["6", 0], negative=["7", 0], model=["4", 0], latent_image=["5", 0]
        ),
        "4": node("CheckpointLoaderSimple", ckpt_name="m"),
        "6": positive,
        "7": node("CLIPTextEncode", text="ugly", clip=["4", 1]),
        **more,
    }


GRAPHS = {
    "plain": comfyui(node("CLIPTextEncode", text=PROMPT, clip=["4", 1])),
    "primitive": comfyui(
        node("CLIPTextEncode", text=["9", 0], clip=["4", 1]), **{"9": node("PrimitiveNode", value=PROMPT)}
    ),
    "guidance": comfyui(
        node("FluxGuidance", conditioning=["8", 0], guidance=3.5),
        **{"8": node("CLIPTextEncode", text=PROMPT)},
    ),
    "controlnet": comfyui(
        node("ControlNetApply", positive=["8", 0], negative=["7", 0], image=["1", 0]),
        **{"8": node("CLIPTextEncode", text=PROMPT)},
    ),
    "sdxl": comfyui(node("CLIPTextEncodeSDXL", text_g=PROMPT, text_l=PROMPT, width=1024)),
    "two passes": comfyui(
        node("CLIPTextEncode", text=PROMPT),
        **{"12": node("KSamplerAdvanced", noise_seed=3, positive=["6", 0], negative=["7", 0])},
    ),
    "guider": {
        "1": node("SamplerCustomAdvanced", guider=["2", 0], sampler=["9", 0]),
        "2": node("BasicGuider", conditioning=["3", 0]),
        "3": node("CLIPTextEncode", text=PROMPT),
    },
}


@pytest.mark.parametrize("kind", GRAPHS)
def test_comfyui_graphs_are_followed_to_the_text(prompt_of, kind):
    data = png_with_text(scene(), {"prompt": json.dumps(GRAPHS[kind]), "workflow": json.dumps({"nodes": []})})

    assert prompt_of(data) == PROMPT


def test_comfyui_texts_that_are_joined_are_all_there():
    graph = comfyui(
        node("CLIPTextEncode", text=["9", 0]),
        **{
            "9": node("StringConcat", string_a="a lighthouse", string_b=["10", 0]),
            "10": node("Text", text="at dusk"),
        },
    )

    assert find_prompt({"prompt": json.dumps(graph)}) == "a lighthouse at dusk"


def test_comfyui_seeds_and_negatives_do_not_matter():
    first, second = comfyui(node("CLIPTextEncode", text=PROMPT)), comfyui(node("CLIPTextEncode", text=PROMPT))
    second["3"]["inputs"]["seed"] = 99
    second["7"]["inputs"]["text"] = "another"

    assert find_prompt({"prompt": json.dumps(first)}) == find_prompt({"prompt": json.dumps(second)}) == PROMPT


@pytest.mark.parametrize("word", ["Prompt:", "prompt:", "Prompt: "])
@pytest.mark.parametrize("tag", [0x010E, 0x010F, 0x0110])
def test_comfyui_in_webp(prompt_of, word, tag):
    workflow = {0x010F: 0x0110}.get(tag, 0x010F)
    main = {tag: ("ascii", word + json.dumps(GRAPHS["plain"])), workflow: ("ascii", 'Workflow:{"nodes": []}')}

    assert prompt_of(saved(scene(), "WEBP", exif=exif(main))) == PROMPT


def test_comfyui_circles_end():
    graph = comfyui(node("CLIPTextEncode", text=["9", 0]), **{"9": node("Reroute", text=["6", 0])})

    assert find_prompt({"prompt": json.dumps(graph)}) is None


@pytest.mark.parametrize(
    "texts",
    [
        {"invokeai_metadata": json.dumps({"positive_prompt": PROMPT, "negative_prompt": "ugly", "seed": 5})},
        {"sd-metadata": json.dumps({"image": {"prompt": [{"prompt": PROMPT, "weight": 1.0}], "seed": 5}})},
        {"sd-metadata": json.dumps({"image": {"prompt": PROMPT + " [ugly]"}})},
        {"Dream": f'"{PROMPT} [ugly, blurry]" -s 50 -S 12345 -W 512'},
    ],
)
def test_invokeai_old_and_new(prompt_of, texts):
    assert prompt_of(png_with_text(scene(), texts)) == PROMPT


@pytest.mark.parametrize(
    "texts",
    [
        {"Comment": json.dumps({"prompt": PROMPT, "uc": "ugly", "seed": 5}), "Description": "older words"},
        {"Description": PROMPT},
        {"Description": PROMPT, "Comment": "not json"},
    ],
)
def test_novelai(prompt_of, texts):
    assert prompt_of(png_with_text(scene(), {"Software": "NovelAI", **texts})) == PROMPT


@pytest.mark.parametrize(
    "texts",
    [
        {"prompt": "{"}, {"prompt": "[]"}, {"prompt": "{}"}, {"prompt": '{"1": 5}'},
        {"prompt": '{"1": {"inputs": []}}'},
        {"prompt": "[" * 100_000}, {"prompt": '{"a":' * 100_000},
        {"invokeai_metadata": "nul"}, {"sd-metadata": '{"image": 1}'},
        {"sd-metadata": '{"image": {"prompt": [1, {"prompt": 2}]}}'},
        {"Dream": "no quotes"}, {"parameters": "  \n "},
        {"prompt": json.dumps(comfyui({"class_type": 7, "inputs": {"text": [["a"], {}]}}))},
        {"prompt": '{"1": {"class_type": "KSampler", "inputs": {"positive": [["1"], 0]}}}'},
    ],
)  # fmt: skip
def test_malformed_texts_are_no_prompt(texts):
    assert find_prompt(texts) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["1", "2", "inputs", "class_type", "positive", "text", "prompt", "image"]), inner
        )
    ),
    max_leaves=20,
)


@settings(max_examples=300, deadline=None)
@given(JSON, st.binary(max_size=60))
def test_no_text_breaks_the_search(value, raw):
    text = json.dumps(value)
    for key in ("prompt", "invokeai_metadata", "sd-metadata", "Comment", "Dream", "parameters"):
        find_prompt({key: text, "Software": "NovelAI"}, comment=raw, exif_texts=[text, "Prompt:" + text])
    find_prompt({}, comment=b"UNICODE\0" + raw)


@given(st.text())
def test_a_prompt_is_one_line_without_blanks_around_it(text):
    found = find_prompt({"parameters": text})

    assert found is None or (found == " ".join(found.split()) and found)
