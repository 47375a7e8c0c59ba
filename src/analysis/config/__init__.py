"""One typed configuration: every key with its unit, its default and its range; unknown keys are refused."""

from analysis.config.assumptions import AssumptionsConfig, TypesConfig
from analysis.config.config import (
    LANGUAGES,
    SAMPLES,
    Columns,
    Config,
    DatabaseSource,
    DataConfig,
    EconomicsConfig,
    ModelConfig,
    RetentionConfig,
    SampleSource,
    known_keys,
    nearest,
    parameter_keys,
)
from analysis.config.loading import ConfigurationRefused, config_from_mapping, load_config
from analysis.config.loyalty_tables import LOYALTY_TABLES, CustomerTypesConfig, ExperimentConfig
from analysis.config.strategies import StrategiesConfig

__all__ = [
    "LANGUAGES",
    "LOYALTY_TABLES",
    "SAMPLES",
    "AssumptionsConfig",
    "Columns",
    "Config",
    "ConfigurationRefused",
    "CustomerTypesConfig",
    "DataConfig",
    "DatabaseSource",
    "EconomicsConfig",
    "ExperimentConfig",
    "ModelConfig",
    "RetentionConfig",
    "SampleSource",
    "StrategiesConfig",
    "TypesConfig",
    "config_from_mapping",
    "known_keys",
    "load_config",
    "nearest",
    "parameter_keys",
]
