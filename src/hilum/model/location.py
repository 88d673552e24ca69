"""Location-conditioned contrast: the same finding in the same place, across patients, against everything near it.

In: region embeddings of a batch, what is present where, phrase embeddings. Out: scalars. Our reading of ALC-ITR's
signal (c). `findings` in a shape counts one more than the vocabulary in use: the last is "normal", positive where a
report speaks of a region and finds nothing there.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import softplus

from hilum.model.losses import NEVER, multi_positive_contrast

EVENNESS = 4.0  # of the patches of a bag: the 4th root of each counts


def contrast_images(
    regions: Tensor,
    present: Tensor,
    possible: Tensor,
    subjects: Tensor,
    related: Tensor,
    scale: Tensor,
    hard_negatives: bool,
) -> Tensor:
    """L_LC between images: a region against regions of other patients that share, or lack, its findings.

    regions: (n, regions, size) unit vectors. present, possible (present or uncertain): (n, regions, findings) bool,
    here without "normal": normal regions are most of all pairs, and would be most of what is learned.
    Positives: same region, other patient, a shared finding. Negatives: same region, other patient, no possibly shared
    finding; with hard_negatives also the same finding in an unrelated region, of any patient.
    """
    n, n_regions, size = regions.shape
    flat = regions.reshape(-1, size)
    sets, chances = present.reshape(n * n_regions, -1).float(), possible.reshape(n * n_regions, -1).float()
    anchors = torch.nonzero(sets.any(1)).squeeze(1)
    place = torch.arange(n_regions, device=regions.device).repeat(n)
    person = subjects.repeat_interleave(n_regions)
    shared = sets[anchors] @ sets.T > 0
    same_place = place[anchors].unsqueeze(1) == place.unsqueeze(0)
    other_person = person[anchors].unsqueeze(1) != person.unsqueeze(0)
    positives = shared & same_place & other_person
    candidates = same_place & other_person & ~(chances[anchors] @ chances.T > 0)
    if hard_negatives:
        elsewhere = ~related[place[anchors]][:, place]
        candidates = candidates | (elsewhere & shared)
    return multi_positive_contrast(scale * flat[anchors] @ flat.T, positives, candidates)


def contrast_phrases(
    regions: Tensor,
    phrases: Tensor,
    present: Tensor,
    possible: Tensor,
    related: Tensor,
    scale: Tensor,
    hard_negatives: bool,
) -> Tensor:
    """L_LC between image and text, both ways: a region against "finding in region" phrases, and the reverse.

    regions: (n, regions, size), phrases: (regions, findings, size), unit vectors; present, possible as above.
    From an image: the region's findings against its other findings, and against themselves in unrelated regions. From
    a phrase: images with the finding there against those without it there; unmentioned counts as without, because a
    report that is silent about a region has most often nothing to say of it.
    """
    n, n_regions, size = regions.shape
    n_findings = phrases.shape[1]
    logits = scale * regions.reshape(-1, size) @ phrases.reshape(-1, size).T
    same = torch.eye(n_regions, dtype=torch.bool, device=regions.device)
    here = same.view(1, n_regions, n_regions, 1)
    positives = present.unsqueeze(2) & here  # (n, image's region, phrase's region, findings)
    candidates = ~possible.unsqueeze(2) & here
    if hard_negatives:
        hard = present.unsqueeze(2) & ~related.view(1, n_regions, n_regions, 1)
        hard[..., -1] = False
        candidates = candidates | hard
    shape = (n * n_regions, n_regions * n_findings)
    positives, candidates = positives.reshape(shape), candidates.reshape(shape)
    spoken = positives.any(1)
    from_images = multi_positive_contrast(logits[spoken], positives[spoken], candidates[spoken])
    asked = positives.any(0)
    from_phrases = multi_positive_contrast(logits.T[asked], positives.T[asked], candidates.T[asked])
    return (from_images + from_phrases) / 2


def contrast_sentences(regions: Tensor, sentences: Tensor, routes: Tensor, present: Tensor, scale: Tensor) -> Tensor:
    """L_R: a region of an image against the sentences that its report routes there, and the reverse.

    sentences: (n_routes, size), each conditioned on its route's region. routes: (n_routes, 3) image, region, sentence.
    Negatives: sentences routed to other regions of the same report, and every other report's, except sentences about
    the same region where the two studies share a finding (they would be right as well).
    """
    n, n_regions, size = regions.shape
    image, place = routes[:, 0], routes[:, 1]
    rows = torch.unique(image * n_regions + place)
    row_image, row_place = rows // n_regions, rows % n_regions
    logits = scale * regions.reshape(-1, size)[rows] @ sentences.T
    same_image = row_image.unsqueeze(1) == image.unsqueeze(0)
    same_place = row_place.unsqueeze(1) == place.unsqueeze(0)
    positives = same_image & same_place
    sets = present.reshape(n * n_regions, -1).float()
    shared = sets[rows] @ sets[image * n_regions + place].T > 0
    candidates = ~(same_place & shared)
    from_images = multi_positive_contrast(logits, positives, candidates)
    from_sentences = multi_positive_contrast(logits.T, positives.T, candidates.T)
    return (from_images + from_sentences) / 2


def contrast_patches(patches: Tensor, phrases: Tensor, inside: Tensor, outside: Tensor, scale: Tensor) -> Tensor:
    """A phrase against patches: the patches inside its region must stand out from every patch where it is not.

    Our addition, L_W's idea with the place known: patches are the instances, the region's box is the bag.
    patches: (n, patches, size), phrases: (m, size), unit vectors. inside, outside: (n, m, patches) bool: where the
    phrase's finding is said to lie, and where it cannot; a patch may be neither.
    """
    return contrast_bags(scale * torch.einsum("ipc,mc->imp", patches, phrases), inside, outside)


def contrast_bags(similarity: Tensor, inside: Tensor, outside: Tensor) -> Tensor:
    """The same from logits of phrases, or of findings, in patches: (n, m, patches).

    A bag's patches count by a power mean of their shares. With EVENNESS 1 its best patch alone would matter, and maps
    are points; the mean of all would make them the region's box.
    """
    size = inside.sum(-1).clamp_min(1).log()
    even = torch.logsumexp((similarity / EVENNESS).masked_fill(~inside, NEVER), -1) - size
    right = EVENNESS * even + size
    wrong = torch.logsumexp(similarity.masked_fill(~outside, NEVER).transpose(0, 1).flatten(1), 1)
    bags = inside.any(-1)
    per_bag = softplus(wrong.unsqueeze(0) - right) * bags  # -log of the bag's share of bag and outside
    return per_bag.sum() / bags.sum().clamp_min(1)
