"""One typed configuration: every key with its unit, its default and its range; unknown keys are refused."""

from analysis.config.config import LANGUAGES, BatchConfig, Config, known_keys
from analysis.config.contracts import ContractColumns, ContractsConfig
from analysis.config.data import Columns, DataConfig
from analysis.config.economics import EconomicsConfig, ModelConfig, RetentionConfig
from analysis.config.loading import ConfigurationRefused, config_from_mapping, load_config
from analysis.config.loyalty_tables import LOYALTY_TABLES, CustomerTypesConfig, ExperimentConfig
from analysis.config.sources import SAMPLES, DatabaseSource, SampleSource
from analysis.config.strategies import AssumptionsConfig, StrategiesConfig, TypesConfig

__all__ = [
    "LANGUAGES",
    "LOYALTY_TABLES",
    "SAMPLES",
    "AssumptionsConfig",
    "BatchConfig",
    "Columns",
    "Config",
    "ConfigurationRefused",
    "ContractColumns",
    "ContractsConfig",
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
]
