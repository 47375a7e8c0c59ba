"""The pipeline: steps, their store, and the study that computes them when they are asked for."""

from analysis.pipeline.step import STEPS, all_steps
from analysis.pipeline.store import Store
from analysis.pipeline.study import Study, notebooks_folder, open_study, sample_config, test_claims
