"""The page network and the digit network as a pair: what brings their opinions together, fitted and proven.

Pages of hands, words and fonts that no network has learned from are read, with the refinement network that
goes into the page network's file; what each says of every candidate, and what is true, give the weights of
`edge.fusion.Fusion` and `edge.lines.Linking`, and the thresholds. Likewise, on drawn numbers, what the mark
network says is calibrated (`convert.marking`), and what reads numbers of a format is fitted
(`convert.whole`).
"""

from __future__ import annotations

import argparse
import json
import sys
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from convert.card_file import write_model, write_with_card
from convert.heads import cut_off
from convert.marking import Signs, calibrated, observe_marks, see_all, sign_on_page, with_card
from convert.metadata import embed, identity
from convert.quietly import import_tensorflow
from convert.upright import fit_standing
from convert.whole import fit_decoding, regions
from edge.classifier import Classifier
from edge.errors import ModelError, UsageError
from edge.expected import LEAST_EXPECTED
from edge.fusion import EVIDENCE, LABELS, Fusion, Weights, evidence, log_softmax, names_of
from edge.isolated import IsolatedError, run_isolated
from edge.lines import Linking, neighbourhood, rows_of
from edge.marks import open_marks
from edge.model_file import (
    PAGE_MODEL,
    SHIPPED,
    Card,
    ModelFile,
    inflate,
    load_model,
    read_bytes,
    read_metadata,
)
from edge.page import HEADS, HEIGHTS, PageNetwork
from edge.page_file import (
    MARKS_METADATA,
    PAGE_METADATA,
    REFINE_METADATA,
    KnownPage,
    PageCard,
    PageFile,
    load_page,
    open_page,
)
from edge.recognizer import Found, Recognizer, Seen
from edge.refine import open_refine
from edge.types import ByteArray, Digit, FloatArray, Prediction, Thresholds
from training.commands import exit_code
from training.marks.material import around
from training.page.lessons import IGNORE, LAST, Pages, Span, draw_pages, spans
from training.page.matching import IGNORED
from training.page.numbers import Numbers, draw_numbers
from training.page.sized import SizedPage

GOES_LEFT, GOES_RIGHT = 2, 3
"""Columns of `Pages.digits`."""

UNNAMED = Prediction(np.full(LABELS, 1 / LABELS, np.float32))

NOTHING = Seen(Found([], [], [], np.zeros((0, 0), np.uint8), ()), np.zeros((0, LABELS), np.float32))

WRONG_COSTS = 2.0
"""What a digit that is shown as certain and is wrong costs, where one that is shown as `?` costs 1."""

UNSEEN_COSTS = 1 / 3
"""What a digit that is not even shown as `?` costs beside one that is, where a `?` that is no digit costs 1:
who reads digits beside words would rather miss three than look up one that is none."""

FORGONE = 0.005
"""Share of what the refinement network spares that may be lost where it is not asked: that takes time."""

STEPS = np.arange(1001) / 1000

DOUBTS = tuple((np.arange(101) / 100).tolist())
"""Confidences between which the refinement network may be asked; a tenth of the steps, as each takes long."""

ALWAYS = 2.0
"""A confidence that none reaches: up to it, the refinement network is always asked."""

LEAST = -2.2
"""Logit of a digit's centre, 10 %, from which on places are observed."""

MISSED_CANDIDATES = 0.002
"""Share of the digits read right whose centre may be less sure than what is named at all: see `fit_least`."""

SEED = 1
"""Of the pages that two networks are fitted to each other on."""

FIT_PAGES, PAGES_TO_FIT_ON = "fit-pages", 6000
"""Folder of a run folder with the pages that both networks are fitted on, and how many."""

NUMBERS, NUMBER_PAGES = "first-numbers.npz", 600
"""File of a run folder with the drawn numbers that marks and formats are fitted on, by the first half of the
hands that no network has learned from, and how many pages of numbers in rows it has."""

FORM_PAGES, FORM_SEED = 100, 11
"""How many pages of printed cells are among them, and their seed."""

CALIBRATION_PAGES = 120
"""Training pages that show the converter the range of every activation."""

KNOWN, KNOWN_FROM = (64, 128), 40
"""(rows, columns) of the known page in the card, and how many pages it is looked for in."""

SOURCES = (
    "MNIST (LeCun, Cortes, Burges) with its writers from QMNIST (Yadav, Bottou, 2019; BSD)",
    "UNIPEN train_r01_v07 (Guyon, Schomaker, Plamondon, Liberman, Janet, 1994; International Unipen "
    "Foundation, 1999; CC BY 4.0)",
    "DHSD (Riaz, Saifullah, Agne, Dengel, Ahmed, 2024; CC BY 4.0)",
    "CREMMA-AN-TestamentsDePoilus (Archives nationales, CREMMA, 2023; CC BY 4.0)",
    "Optical Recognition of Handwritten Digits (Alpaydin, Kaynak, 1998; CC BY 4.0)",
    "Omniglot (Lake, Salakhutdinov, Tenenbaum, 2015; MIT)",
    "paper textures of MyPaint (MrMamurk, 2011; Ramon Miranda, 2010; CC0)",
    "handwriting fonts (training/scenes/fonts/package.json; SIL Open Font License, Apache License)",
)
"""Whose handwriting and paper the pages are drawn with."""


@dataclass(frozen=True, slots=True, eq=False)
class Observed:
    """All candidates of some pages.

    Attributes:
        evidence: see `edge.fusion.evidence`, shape (n, EVIDENCE).
        names: see `edge.fusion.names_of`, shape (NAMING, n, 10).
        peaks: `Candidate.peak` of each, shape (n,).
        labels: what each is, shape (n,): 0 to 9, NONE or IGNORED.
        links: of neighbours in a row, see `edge.lines.neighbourhood`, shape (m, 4).
        same: whether those belong to one number, shape (m,).
        missed: digits where there is no candidate.
        signs: what stands before the digits, where the mark network was asked.
    """

    evidence: npt.NDArray[np.float64]
    names: npt.NDArray[np.float64]
    peaks: npt.NDArray[np.float64]
    labels: npt.NDArray[np.int64]
    links: npt.NDArray[np.float64]
    same: npt.NDArray[np.bool_]
    missed: int
    signs: Signs | None = None

    @classmethod
    def together(cls, parts: Sequence[Observed]) -> Observed:
        """All of several."""

        def all_of(name: str) -> npt.NDArray[np.float64]:
            return np.concatenate([getattr(part, name) for part in parts])

        return cls(
            all_of("evidence"),
            np.concatenate([part.names for part in parts], axis=1),
            all_of("peaks"),
            all_of("labels").astype(np.int64),
            all_of("links"),
            all_of("same").astype(bool),
            sum(part.missed for part in parts),
            Signs.together(signs) if (signs := [part.signs for part in parts if part.signs]) else None,
        )


def observe(recognizers: Sequence[Recognizer], pages: Pages, marks: Classifier | None = None) -> Observed:
    """Look at pages with both networks.

    Args:
        recognizers: the two networks, each in one of the ways in which a reader looks.
        pages: of hands that they have not learned from.
        marks: the mark network, to be asked what stands before the digits.
    """
    return Observed.together(
        [
            _observe(recognizer, pages, index, span, marks)
            for recognizer in recognizers
            for index, span in enumerate(spans(pages))
        ]
    )


Networks = tuple[PageNetwork, Classifier, Classifier]
"""Those that a `Recognizer` looks with: the page network, the digit network and the refinement network."""


def _ways(networks: Networks, least: float) -> list[Recognizer]:
    """As a reader looks at the frames of a stream, and at separate pictures, all candidates refined."""
    return [Recognizer(*networks, least=least, heights=heights) for heights in ((), HEIGHTS)]


def _observe(
    recognizer: Recognizer, pages: Pages, index: int, span: Span, marks: Classifier | None
) -> Observed:
    page = SizedPage.of(pages, index, span, turn=index)
    seen = recognizer.see(page.grey)
    if seen.found.turned:  # all pages stand upright: what is seen is not where it is
        seen = NOTHING
    candidates = seen.found.candidates
    found = page.match(candidates)
    facts_of = {
        Digit(candidate.box, UNNAMED, None, candidate.links): page.digits[k]
        for candidate, k in zip(candidates, found, strict=True)
        if k >= 0
    }
    links, same = [], []
    rows = rows_of(list(facts_of))
    signs = None
    if marks is not None and rows:
        first, last = span.marks
        known = pages.mark_boxes[first:last] * np.float32(page.scale), pages.marks[first:last, 1].tolist()
        signs = _signs(page.grey, marks, rows, facts_of, page.flags, *known)
    for row in rows:
        for left, right in pairwise(row):
            links.append(neighbourhood(left, right))
            same.append(bool(facts_of[left][GOES_RIGHT] and facts_of[right][GOES_LEFT]))
    return Observed(
        evidence(candidates, seen.probabilities) if candidates else np.zeros((0, EVIDENCE)),
        names_of(candidates, seen.probabilities),
        np.array([candidate.peak for candidate in candidates]),
        page.labels(found),
        np.array(links, np.float64).reshape(-1, 4),
        np.array(same, bool),
        len(page.digits) - int((found >= 0).sum()),
        signs,
    )


def _signs(
    grey: ByteArray,
    marks: Classifier,
    rows: Sequence[Sequence[Digit]],
    facts_of: Mapping[Digit, npt.NDArray[np.int32]],
    flags: ByteArray,
    boxes: FloatArray,
    kinds: Sequence[int],
) -> Signs:
    """What stands before the digits of one page, and what the mark network says of it."""
    places, signs = [], []
    for row in rows:
        for left, right in zip((None, *row[:-1]), row, strict=True):
            if (flags[around(right.box)] & IGNORE).any():
                continue
            joined = left is not None and facts_of[left][GOES_RIGHT] and facts_of[right][GOES_LEFT]
            places.append((left, right))
            signs.append(sign_on_page(left, right, bool(joined), boxes, kinds))
    return Signs.of(places, signs, grey, marks)


def fit_fusion(observed: Observed) -> Fusion:
    """The weights that make the truth most likely.

    Raises:
        ModelError: when the page network sees no digits, or nothing else.
    """
    asked = observed.labels != IGNORED
    digit = observed.labels >= 0
    if not digit.any() or digit[asked].all():
        raise ModelError(
            f"of {asked.sum()} places where the page network sees a digit on the held-out pages, "
            f"{digit.sum()} are one: to fit both networks, some must be and some not; take more pages, or "
            "train it longer"
        )
    first, all_ = (_weights(observed, asked, digit, refined=refined) for refined in (False, True))
    return Fusion(first, all_, *_doubt(observed, first, all_))


def _weights(
    observed: Observed, asked: npt.NDArray[np.bool_], digit: npt.NDArray[np.bool_], *, refined: bool
) -> Weights:
    """Those of the networks, with the refinement network or without."""
    last = None if refined else -1
    regression = LogisticRegression(C=10.0, max_iter=1000)
    regression.fit(observed.evidence[asked, 1:last], digit[asked])
    names = observed.names[:last, digit]
    rows, labels = np.arange(digit.sum()), observed.labels[digit]

    def loss(weights: np.ndarray) -> float:
        return -float(log_softmax(np.tensordot(weights, names, axes=1))[rows, labels].mean())

    naming = minimize(loss, np.full(len(names), 0.5), method="Nelder-Mead").x.tolist()
    none = [] if refined else [0.0]
    weights = *naming, *none, *regression.intercept_, *regression.coef_[0], *none
    return Weights(*map(float, weights))


def _doubt(observed: Observed, first: Weights, all_: Weights) -> tuple[float, float]:
    """Between which confidences by the first weights the refinement network is asked.

    Of what it spares where it is always asked, `FORGONE` may be lost on either side.
    """
    both = _of_both(observed, first, all_)

    def cost(low: float, high: float) -> float:
        return _costs(observed, *_together(observed, Fusion(first, all_, low, high), *both))[0]

    always, never = cost(0, ALWAYS), cost(ALWAYS, ALWAYS)
    most = always + FORGONE * max(0, never - always)
    low = max(step for step in DOUBTS if cost(step, ALWAYS) <= most)
    high = min(step for step in (*DOUBTS, ALWAYS) if step > low and cost(0, step) <= most)
    return low, high


def fit_linking(observed: Observed) -> Linking:
    """Likewise, of neighbours.

    Raises:
        ModelError: when there are none of the same number, or of different ones.
    """
    if not observed.same.any() or observed.same.all():
        raise ModelError(
            f"of {len(observed.same)} neighbours on the held-out pages, {observed.same.sum()} are of one "
            "number: to fit what tells them apart, some must be and some not; take more pages"
        )
    regression = LogisticRegression(C=10.0, max_iter=1000)
    regression.fit(observed.links[:, 1:], observed.same)
    return Linking(float(regression.intercept_[0]), *map(float, regression.coef_[0]))


def fit_thresholds(observed: Observed, fusion: Fusion) -> Thresholds:
    """Thresholds on the confidence, in steps of 0.001: those that cost least on the pages observed.

    A digit that is shown as `?` costs 1, one that is dropped `UNSEEN_COSTS` more, one that is shown and wrong
    `WRONG_COSTS`; what is no digit costs 1 where it is shown as `?`, and `WRONG_COSTS` where it is shown.
    """
    _, accept, drop = _costs(observed, *believed(observed, fusion))
    return Thresholds(accept=max(accept, drop), digit=drop)


def _costs(
    observed: Observed, confidence: npt.NDArray[np.float64], right: npt.NDArray[np.bool_]
) -> tuple[float, float, float]:
    """The lowest cost, beside that of showing nothing, and the thresholds that cost so little.

    Args:
        observed: candidates.
        confidence: in each, shape (n,).
        right: whether each is a digit and named right, likewise.
    """
    asked = observed.labels != IGNORED
    order = np.argsort(confidence[asked], kind="stable")
    right, digit = right[asked][order], (observed.labels >= 0)[asked][order]
    below = np.searchsorted(confidence[asked][order], STEPS)  # so many are not shown

    def shown(costs: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        sums = np.append(0.0, np.cumsum(costs))
        return np.asarray(sums[-1] - sums[below])

    # Shown as certain, beside what it costs as a `?`, which is 1; and as a `?`, beside not at all.
    accept, drop = shown(np.where(right, -1.0, WRONG_COSTS - 1)), shown(np.where(digit, -UNSEEN_COSTS, 1.0))
    lowest = float(accept.min() + drop.min())
    return lowest, float(STEPS[accept.argmin()]), float(STEPS[drop.argmin()])


def fit_least(observed: Observed, fusion: Fusion, thresholds: Thresholds) -> float:
    """The logit of a digit's centre below which hardly any candidate is worth naming.

    Of the digits that are shown and named right, a share of `MISSED_CANDIDATES` is below it.
    """
    confidence, right = believed(observed, fusion)
    logits = observed.peaks[right & (confidence >= thresholds.digit)]
    return float(np.quantile(logits, MISSED_CANDIDATES)) if len(logits) else LEAST


def believed(observed: Observed, fusion: Fusion) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """The confidence of each candidate, and whether it is a digit and named right."""
    return _together(observed, fusion, *_of_both(observed, fusion.first, fusion.all))


def _of_both(observed: Observed, first: Weights, all_: Weights) -> tuple[FloatArray, FloatArray]:
    """What the weights say of each, without the refinement network and with it, each of shape (n, 10)."""
    evidence, names = observed.evidence, observed.names
    return first.probabilities(evidence, names), all_.probabilities(evidence, names)


def _together(
    observed: Observed, fusion: Fusion, of_first: FloatArray, of_all: FloatArray
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """`believed`, given `_of_both`."""
    said = np.where(fusion.doubts(of_first)[:, np.newaxis], of_all, of_first)
    return said.max(axis=1).astype(np.float64), said.argmax(axis=1) == observed.labels


def measure(observed: Observed, fusion: Fusion, linking: Linking, thresholds: Thresholds) -> dict[str, float]:
    """What the pair makes of the pages that it was fitted on, for the card.

    Returns:
        `found`, of the digits those that are shown; `misread`, of the digits shown those that are named
        wrong; `invented`, of what is shown what is no digit; `linked`, of the neighbours those rightly parted
        or not.
    """
    confidence, right = believed(observed, fusion)
    shown = (confidence >= thresholds.digit) & (observed.labels != IGNORED)
    digit = observed.labels >= 0
    digits = int(digit.sum()) + observed.missed
    same = observed.links @ np.array(astuple(linking)) >= 0
    return {
        "found": float((shown & digit).sum() / max(1, digits)),
        "misread": float((shown & digit & ~right).sum() / max(1, (shown & digit).sum())),
        "invented": float((shown & ~digit).sum() / max(1, shown.sum())),
        "linked": float((same == observed.same).mean()),
    }


def known_page(network: PageNetwork, pages: Pages) -> KnownPage:
    """The part of a page on which the network sees the most digits and writing, and what it says of it."""
    rows, columns = KNOWN
    best, picture = -1.0, np.zeros(KNOWN, np.uint8)
    for index in range(min(len(pages), KNOWN_FROM)):
        grey = np.ascontiguousarray(pages.grey[index])
        for top in range(0, grey.shape[0] - rows + 1, rows):
            for left in range(0, grey.shape[1] - columns + 1, columns):
                part = np.ascontiguousarray(grey[top : top + rows, left : left + columns])
                look = network.look(part, 1.0)
                found = min(look.count("digit"), 6) + min(look.count("writing"), 40) / 10
                if found > best:
                    best, picture = found, part
    look = network.look(picture, 1.0)
    return KnownPage(picture, look.head("digit")[..., 0], look.head("writing")[..., 0])


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """Where a page network comes from, for its card.

    Attributes:
        version: of the model.
        training_data: name of each data file and the SHA-256 of its contents.
        command: the command line that trained it.
        commit: the commit of the code that trained it.
        scores: what was measured of it in training, by name.
    """

    version: str
    training_data: Mapping[str, str]
    command: str
    commit: str
    scores: Mapping[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """Two model files that belong together, the page network's card, and the mark network in its file."""

    page: bytes
    page_card: PageCard
    digits: ModelFile
    marks: ModelFile


def pair(
    page: bytes,
    digits: ModelFile,
    marks: ModelFile,
    refine: ModelFile,
    held_out: Pages,
    numbers: Numbers,
    origin: Origin,
) -> Fitted:
    """Fit what brings the networks together, and write it into their cards.

    Args:
        page: an int8 page network; a card in it is replaced.
        digits: a digit network; its card is renewed.
        marks: a mark network, likewise.
        refine: a refinement network.
        held_out: pages of hands that neither has learned from.
        numbers: pages of numbers with marks, of such hands, too.
        origin: of the page network.

    Raises:
        ModelError: when the page network finds nothing to fit on.
    """
    network = PageNetwork(page)
    networks = network, Classifier(digits), open_refine(refine)
    telling = open_marks(marks)
    observed = observe(_ways(networks, LEAST), held_out, telling)
    linking, page_id = fit_linking(observed), identity(page)
    card = _fitted(digits, observed, page_id)
    assert card.fusion is not None and card.fused is not None
    least = fit_least(observed, card.fusion, card.fused)
    usual, thorough = _ways(networks, LEAST_EXPECTED)
    seen = [observe_marks(see_all(way, numbers), numbers, telling) for way in (usual, thorough)]
    assert observed.signs is not None
    marks = calibrated(marks, observed.signs, seen, page_id)
    decoding = fit_decoding(regions(thorough, numbers), card.fusion, open_marks(marks))
    page_card = PageCard(
        name="page-int8",
        version=origin.version,
        id=page_id,
        trained_with=card.id,
        heads=HEADS,
        least=least,
        linking=linking,
        decoding=decoding,
        standing=fit_standing(
            Recognizer(*networks, card.fusion, least=least, heights=HEIGHTS),
            card.fusion,
            card.fused,
            held_out,
        ),
        training_data=origin.training_data,
        sources=SOURCES,
        scores={**origin.scores, **measure(observed, card.fusion, linking, card.fused)},
        command=origin.command,
        commit=origin.commit,
        known=known_page(network, held_out),
    )
    return Fitted(
        embed(
            page,
            PAGE_METADATA,
            page_card.to_bytes(),
            **{MARKS_METADATA: marks.data, REFINE_METADATA: refine.data},
        ),
        page_card,
        with_card(digits.path, digits.data, card),
        marks,
    )


def fit_to(page: PageFile, digits: ModelFile, held_out: Pages) -> Card:
    """The card of a digit network for use with a page network that is finished, as the shipped one is.

    Args:
        page: the page network.
        digits: the digit network, with a card that is to be renewed.
        held_out: pages of hands that neither has learned from.

    Raises:
        ModelError: when the page network finds nothing to fit on.
    """
    networks = open_page(page), Classifier(digits), open_refine(page.refine)
    return _fitted(digits, observe(_ways(networks, LEAST), held_out), page.card.id)


def _fitted(digits: ModelFile, observed: Observed, page_id: str) -> Card:
    fusion = fit_fusion(observed)
    return replace(
        digits.card,
        id=identity(digits.data),
        trained_with=page_id,
        fusion=fusion,
        fused=fit_thresholds(observed, fusion),
    )


def held_out_pages(data: Path | None, count: int) -> Pages:
    """Pages to fit on, always the same, of hands, words and fonts that no network learns from.

    Args:
        data: as `training.dataset.load_mnist` takes it.
        count: how many.

    Raises:
        DataError: when there is no MNIST to draw them with.
    """
    return draw_pages(data, "test", count, seed=SEED)


def pages_to_fit_on(run: Path, data: Path | None) -> Pages:
    """The held-out pages of a run folder; they are drawn where they are not there yet, which takes minutes.

    Args:
        run: the folder.
        data: as `held_out_pages` takes it.
    """
    folder = run / FIT_PAGES
    if not (folder / LAST).exists():
        held_out_pages(data, PAGES_TO_FIT_ON).save(folder)
    return Pages.load(folder)


def numbers_of_run(run: Path, data: Path | None) -> Numbers:
    """The drawn numbers of a run folder; they are drawn where they are not there yet, which takes minutes.

    Args:
        run: the folder.
        data: as `load_bank` takes it.
    """
    path = run / NUMBERS
    if not path.exists():
        rows = draw_numbers(data, "test", NUMBER_PAGES, seed=SEED, half="first")
        forms = draw_numbers(data, "test", FORM_PAGES, seed=FORM_SEED, plan="form", half="first")
        Numbers.together(rows, forms).save(path)
    return Numbers.load(path)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 done, 2 bad usage or input, 1 anything else."""
    parser = argparse.ArgumentParser(
        prog="python -m convert.pair",
        description="Quantize a page network, fit it to the other networks, and write both files.",
    )
    parser.add_argument(
        "run",
        type=Path,
        metavar="RUN",
        help="folder of the page network's run (python -m training.page), or a page.tflite to fit anew",
    )
    parser.add_argument(
        "--average",
        type=Path,
        nargs="+",
        default=[],
        metavar="RUN",
        help="average its weights with those of these runs, from which it went on",
    )
    parser.add_argument(
        "--digits", type=Path, metavar="FILE", help="the digit network (default: the shipped model)"
    )
    parser.add_argument(
        "--marks", type=Path, metavar="FILE", help="the mark network (default: the shipped one)"
    )
    parser.add_argument(
        "--refine", type=Path, metavar="FILE", help="the refinement network (default: the shipped one)"
    )
    parser.add_argument(
        "--drawn",
        type=Path,
        metavar="DIR",
        help="folder that keeps the pages to fit on (default: the run folder; of a file: runs/fitted)",
    )
    parser.add_argument("--data", type=Path, metavar="DIR", help="as for training (default: $DIGITCAM_DATA)")
    parser.add_argument("--out", type=Path, default=Path("models"), metavar="DIR", help="default: models")
    parser.add_argument(
        "--version", metavar="X.Y", help="of the page network (default: 1.0; of a file: its own)"
    )
    options = parser.parse_args(arguments)
    return exit_code(lambda: _convert(options))


def _convert(options: argparse.Namespace) -> None:
    ready = options.run.suffix == ".tflite"
    model, origin = (_from_file if ready else _from_run)(options)
    drawn = options.drawn or (Path("runs/fitted") if ready else options.run)
    made = pair(
        model,
        load_model(options.digits),
        load_page().marks if options.marks is None else load_model(options.marks),
        load_page().refine if options.refine is None else load_model(options.refine),
        pages_to_fit_on(drawn, options.data),
        numbers_of_run(drawn, options.data),
        origin,
    )
    write_with_card(options.out / PAGE_MODEL, made.page, made.page_card.as_dict())
    write_model(options.out / SHIPPED, made.digits)
    for name, value in made.page_card.scores.items():
        print(f"{name}: {value:.4f}")


def _from_run(options: argparse.Namespace) -> tuple[bytes, Origin]:
    """The network of a run folder in int8, and where it comes from."""
    import_tensorflow()
    from training.page.measure import Score, silent
    from training.page.network import build_network
    from training.page.quantize import to_int8
    from training.page.run import Config, pages_of
    from training.page.train import start_from

    runs = options.run, *options.average
    config, *others = map(Config.read, runs)
    network = build_network()
    start_from(network, *runs)
    train, validation = pages_of(options.run, "train"), pages_of(options.run, "test")
    for name in silent(network, validation[0]):
        print(f"{name} says nothing and takes time: leave it out with training.page.depth", file=sys.stderr)
    model = to_int8(network, np.ascontiguousarray(train[0].grey[:CALIBRATION_PAGES]))
    scores = {f"float {name}": value for name, value in asdict(Score.of(network, validation[0])).items()}
    command = " and ".join([config.command, *(other.command for other in others)])
    return model, Origin(options.version or "1.0", config.data, command, config.commit, scores)


def _from_file(options: argparse.Namespace) -> tuple[bytes, Origin]:
    """A page network that is in int8 already, and what its card says of where it comes from.

    Raises:
        ModelError: when it cannot be read, or its card does not say that.
        UsageError: when it is to be averaged.
    """
    if options.average:
        raise UsageError(f"{options.run} is in int8: only the weights of runs can be averaged")
    data, _ = read_bytes(options.run)
    try:
        model = run_isolated("convert.pair:opened", data)
        # All but this is measured and fitted anew: an older card will do.
        card = json.loads(inflate(read_metadata(data, PAGE_METADATA)))
        origin = Origin(
            options.version or str(card["version"]),
            {str(name): str(digest) for name, digest in card["training_data"].items()},
            str(card["command"]),
            str(card["commit"]),
            {str(name): float(score) for name, score in card["scores"].items() if name.startswith("float ")},
        )
    except (IsolatedError, ModelError, ValueError, KeyError, TypeError, AttributeError, zlib.error) as error:
        raise ModelError(f"{options.run} is no page network: {error}") from error
    return model, origin


def opened(model: bytes) -> bytes:
    """Open a page network, less the heads that nobody asks for: what a child process does with a new file.

    Returns:
        The network.

    Raises:
        ModelError: it is none.
    """
    less = cut_off(model)
    PageNetwork(less)
    return less


if __name__ == "__main__":
    sys.exit(main())
