"""The published figures with which `bitmix.density` is compared."""

#: The sets, in the order of the tables of the field.
SETS = (
    *("nltcs", "plants", "baudio", "jester", "bnetflix", "accidents", "pumsb_star", "dna", "bbc"),
)

_FIGURES = {
    # the mean of the logs that its authors published
    "HCLT": (-6.00, -14.26, -39.77, -52.46, -56.28, -26.74, -23.65, -79.06, -251.05),
    "ID-SPN": (-6.02, -12.54, -39.79, -52.86, -56.36, -26.98, -22.40, -81.21, -248.93),
    "mixture of trees": (-6.01, -12.95, -40.08, -53.08, -56.74, -29.63, -23.71, -85.14, -261.84),
    "LearnSPN": (-6.11, -12.98, -40.50, -53.48, -57.33, -30.04, -24.78, -82.52, -250.69),
}

#: Mean log densities of the test rows, in nats, by model and set.
PUBLISHED = {model: dict(zip(SETS, figures, strict=True)) for model, figures in _FIGURES.items()}
