"""One typed configuration: every key with its unit, its default and its range; unknown keys are refused."""

from analysis.config.assumptions import CUSTOMER_TYPES, AssumptionsConfig
from analysis.config.complaints import nearest
from analysis.config.config import (
    AUTO,
    LANGUAGES,
    PREFERRED,
    SAMPLES,
    Columns,
    Config,
    ContactsConfig,
    DatabaseSource,
    DataConfig,
    EconomicsConfig,
    ModelConfig,
    RetentionConfig,
    SampleSource,
    SparkSource,
    parameter_keys,
)
from analysis.config.loading import ConfigurationRefused, config_from_mapping, load_config
from analysis.config.strategies import StrategiesConfig
from analysis.config.tables import CUSTOMER_TABLES, GROUP, LOT, LOYALTY_TABLES, ExperimentConfig
