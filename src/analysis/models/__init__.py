"""Purchase models, the spend model, their posteriors, simulated futures and the back test."""

from analysis.models.backtest import back_test
from analysis.models.estimate import purchase_result
from analysis.models.persistence import currency_of_model, model_from_dict, model_to_dict
from analysis.models.spend import spend_result

__all__ = ["back_test", "currency_of_model", "model_from_dict", "model_to_dict", "purchase_result", "spend_result"]
